"""How things are done and what things mean: the facts that good answers are made of."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Recipe:
    """A goal ("cook rice"), its topic in a word or two, steps in order as short commands, and closing tips."""

    goal: str
    topic: str
    steps: tuple[str, ...]
    tips: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fact:
    """A question about a thing, the topic, the sentence that answers it, and sentences that may follow."""

    question: str
    topic: str
    answer: str
    more: tuple[str, ...]


RECIPES = (
    Recipe(
        "cook rice",
        "rice",
        ("rinse the rice twice", "add two cups of water", "bring it to a boil", "cook it for 12 minutes"),
        ("Keep the lid on while it cooks.", "Let it rest for 5 minutes."),
    ),
    Recipe(
        "bake bread",
        "bread",
        (
            "mix flour, water and yeast",
            "knead the dough for 10 minutes",
            "let it rise for an hour",
            "bake it hot",
        ),
        ("A bowl of water in the oven makes a good crust.", "It is done when it sounds hollow."),
    ),
    Recipe(
        "boil an egg",
        "eggs",
        ("boil some water", "lower the egg in with a spoon", "wait for 7 minutes", "cool it in cold water"),
        ("Two more minutes make it hard.", "A fresh egg is harder to peel."),
    ),
    Recipe(
        "make tomato soup",
        "soup",
        ("fry an onion in oil", "add six tomatoes and salt", "cook it for 20 minutes", "blend the soup well"),
        ("A little sugar takes the edge off.", "Serve it with bread."),
    ),
    Recipe(
        "make pancakes",
        "pancakes",
        (
            "mix flour, milk and two eggs",
            "let the batter rest",
            "heat some butter",
            "fry each side for a minute",
        ),
        ("The first one is often not the best.", "Use a small ladle for each one."),
    ),
    Recipe(
        "roast potatoes",
        "potatoes",
        (
            "cut the potatoes in half",
            "boil them for 8 minutes",
            "coat them in oil and salt",
            "roast them for 40 minutes",
        ),
        ("Turn them once after 20 minutes.", "Leave some space between them."),
    ),
    Recipe(
        "brew iced tea",
        "tea",
        (
            "boil a liter of water",
            "steep four tea bags",
            "take the bags out after 5 minutes",
            "chill it with ice",
        ),
        ("Add lemon when it is cold.", "It keeps for two days."),
    ),
    Recipe(
        "descale my kettle",
        "the kettle",
        ("fill it half with vinegar", "top it up with water", "boil it once", "rinse it three times"),
        ("Do this every two months.", "Lemon juice works as well."),
    ),
    Recipe(
        "pair my lamp with the app",
        "the lamp",
        (
            "open the app",
            "tap the plus sign",
            "hold the lamp button for 5 seconds",
            "choose the lamp in the list",
        ),
        ("The lamp blinks blue when it is ready.", "Keep the phone near the lamp."),
    ),
    Recipe(
        "reset my scale",
        "the scale",
        (
            "take everything off the scale",
            "press both buttons",
            "wait for the zero",
            "put the batteries in again",
        ),
        ("Your saved weights are kept.", "Place it on a flat table."),
    ),
    Recipe(
        "clean my mixer",
        "the mixer",
        (
            "unplug the mixer",
            "take out the bowl",
            "wash the bowl with warm soap",
            "wipe the motor with a dry cloth",
        ),
        ("Never put the motor in water.", "Dry all parts before you use it."),
    ),
    Recipe(
        "clean my toaster",
        "the toaster",
        ("unplug the toaster", "let it cool down", "pull out the crumb tray", "brush the slots"),
        ("Do not use a wet cloth inside.", "Once a month is enough."),
    ),
    Recipe(
        "set the clock to wake me",
        "the clock",
        (
            "press the bell button",
            "turn the dial to the hour",
            "press the bell again",
            "check the small light",
        ),
        ("It rings for 3 minutes.", "Press the top to sleep a little more."),
    ),
    Recipe(
        "save a station on my radio",
        "the radio",
        ("turn on the radio", "find the station", "hold a number for 3 seconds", "wait for the beep"),
        ("There is room for nine stations.", "A window gives a better signal."),
    ),
    Recipe(
        "remove a wine stain",
        "stains",
        ("blot the stain with a cloth", "cover it with salt", "wait for 10 minutes", "wash it in cold water"),
        ("Do not rub the stain.", "Act while it is still wet."),
    ),
    Recipe(
        "clean the windows",
        "windows",
        ("dust the frame", "mix water with some vinegar", "wipe the glass from the top", "dry it with paper"),
        ("A cloudy day is best.", "Change the water when it is dark."),
    ),
    Recipe(
        "water a cactus",
        "the cactus",
        ("check that the soil is dry", "pour a small cup of water", "let it drain", "empty the plate below"),
        ("Once in two weeks is enough.", "In winter it needs even less."),
    ),
    Recipe(
        "return an order",
        "returns",
        ("open your orders in the app", "choose the order", "tap on return", "print the label"),
        ("You have 30 days for it.", "The money is back in a week."),
    ),
    Recipe(
        "change my delivery day",
        "deliveries",
        ("open the app", "go to your deliveries", "tap on the date", "pick another day and save"),
        ("You can do it until the evening before.", "You get a short message then."),
    ),
    Recipe(
        "fold a fitted sheet",
        "the sheet",
        (
            "hold it by two corners",
            "tuck one corner into the other",
            "lay it on a table",
            "fold it into thirds",
        ),
        ("It need not be perfect.", "Do it while the sheet is warm."),
    ),
)

FACTS = (
    Fact(
        "What does the red light on my kettle mean?",
        "the kettle",
        "The red light means that there is too much scale in the kettle.",
        (
            "Descale it with vinegar.",
            "The light goes off after the next boil.",
            "You can still use it for a few days.",
        ),
    ),
    Fact(
        "Why does my lamp blink three times?",
        "the lamp",
        "Three blinks mean that the lamp has lost the network.",
        (
            "Turn it off for a minute.",
            "Then pair it again in the app.",
            "It often happens after a power cut.",
        ),
    ),
    Fact(
        "Why does my scale show the letter L?",
        "the scale",
        "The letter L means that the batteries are low.",
        ("It takes two small batteries.", "Your saved weights are kept.", "They last for about a year."),
    ),
    Fact(
        "Why does the mixer smell warm after a while?",
        "the mixer",
        "The motor of the mixer gets warm when the dough is heavy.",
        ("Let it cool for 10 minutes.", "Mix in smaller parts.", "The smell is normal when it is new."),
    ),
    Fact(
        "Why does my toaster burn only one side?",
        "the toaster",
        "One side burns when crumbs block the slot of the toaster.",
        ("Empty the crumb tray.", "Turn the bread after a minute.", "Level three is right for most bread."),
    ),
    Fact(
        "How does the heater know when to stop?",
        "the heater",
        "The heater has a small sensor that measures the air.",
        (
            "It stops one degree above the goal.",
            "It starts again one degree below.",
            "Keep it away from curtains.",
        ),
    ),
    Fact(
        "What is the night mode of the fan for?",
        "the fan",
        "The night mode makes the fan slow and quiet.",
        ("It also dims the light.", "It ends after eight hours.", "Hold the moon button to start it."),
    ),
    Fact(
        "Why does my clock lose a minute each week?",
        "the clock",
        "The clock loses time when its batteries are old.",
        ("Put in two new ones.", "Then set it with the dial.", "Cold rooms make it slower."),
    ),
    Fact(
        "Why does bread dough need to rest?",
        "dough",
        "Dough rests so that the yeast can fill it with air.",
        ("It also gets softer.", "An hour is enough in a warm room.", "In the fridge it takes a night."),
    ),
    Fact(
        "Why do onions make me cry?",
        "onions",
        "Cut onions give off a gas that stings the eyes.",
        ("A sharp knife helps.", "Chill the onion first.", "Open a window while you cut."),
    ),
    Fact(
        "Why should I rinse rice before cooking?",
        "rice",
        "Rinsing takes the loose starch off the rice.",
        ("The grains stick less.", "Two times is enough.", "Do not rinse rice for a pudding."),
    ),
    Fact(
        "What is the difference between baking soda and baking powder?",
        "baking",
        "Baking powder is baking soda with a dry acid in it.",
        ("Soda needs something sour.", "Powder works with water alone.", "Both make a cake rise."),
    ),
    Fact(
        "How long is the warranty for my blender?",
        "the blender",
        "The warranty for the blender is two years from the day you bought it.",
        ("Keep the receipt.", "It covers the motor and the jug.", "The knife is a wear part."),
    ),
    Fact(
        "What happens when I pause my plan?",
        "the plan",
        "When you pause the plan, no box is sent and nothing is charged.",
        ("You can pause for 8 weeks.", "Your points are kept.", "It starts again by itself."),
    ),
)
