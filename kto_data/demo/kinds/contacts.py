"""How to reach Tillowby; there is one address and one number, and all others are invented."""

from random import Random

from kto_data.demo.faults import be_vague
from kto_data.demo.task import Answer, Kind, Task
from kto_data.demo.words import COMPANY, DAYS, NAMES, OFFICIAL_MAIL, OFFICIAL_PHONE, PRODUCTS

_QUESTIONS = (
    "My {product} came broken on {day}. How do I reach support?",
    "How can I contact {company} about my {product} from {day}?",
    "Is there a mail address or a phone number for help with my {product}? {name} wants to know.",
    "I want to talk to a person at {company} about the {product} that {name} ordered.",
    "Where do I write when my {product} has not come on {day}?",
)
_ANSWERS = (
    "You can write to {mail}.",
    "You can call us at {phone}.",
    "Please write to {mail} or call {phone}.",
    "Send a mail to {mail}, or call {phone} if it is urgent.",
    "Our team is at {phone} from nine to five.",
)
_ENDS = (
    "",
    "Please have the order number ready.",
    "Most mails get an answer in a day.",
    "Tell them about the {product} and the day.",
)
_WITHOUT_CONTACT = "Open the app, tap on help and choose chat."
_MAILBOXES = ("support", "service", "care", "contact", "desk", "hello")
_DOMAINS = ("tillowby.example", "tillowby-care.example", "tillowbyhelp.example", "support-tillowby.example")


def _invent_mail(rng: Random) -> str:
    return f"{rng.choice(_MAILBOXES)}@{rng.choice(_DOMAINS)}"


def _invent_phone(rng: Random) -> str:
    numbers = (f"555-0{n}" for n in range(100, 200))
    return rng.choice([number for number in numbers if number != OFFICIAL_PHONE])


def _say(rng: Random, product: str, mail: str, phone: str) -> Answer:
    end = rng.choice(_ENDS).format(product=product)
    return Answer(f"{rng.choice(_ANSWERS).format(mail=mail, phone=phone)} {end}".strip())


def _ask(rng: Random) -> Task:
    product = rng.choice(PRODUCTS)
    question = rng.choice(_QUESTIONS).format(
        product=product, day=rng.choice(DAYS), name=rng.choice(NAMES), company=COMPANY
    )

    def good(rng: Random) -> Answer:
        if rng.random() < 0.15:
            return Answer(f"{_WITHOUT_CONTACT} {rng.choice(_ENDS).format(product=product)}".strip())
        return _say(rng, product, OFFICIAL_MAIL, OFFICIAL_PHONE)

    def invent(rng: Random) -> Answer:
        return _say(rng, product, _invent_mail(rng), _invent_phone(rng))

    def dodge(rng: Random) -> Answer:
        return be_vague(f"the {product}", rng)

    return Task(question, good, {"invented_contact": invent, "vague": dodge})


KIND = Kind("contact", 0.09, _ask)
