"""Lists of English words that help to find where sentences end."""

_ABBREVIATIONS = """
    adm ala ariz ark assn atty aug ave bldg blvd brig bros calif capt cf cmdr co col colo comdr conn corp
    cos cpl dec del dept det dr est feb fig fla fri ft ga gen gov hon inc jan jr kan ky lt ltd maj mass md
    messrs mich minn miss mo mon mont mr mrs ms mt neb nev nov oct okla ore pa prof pvt rep reps
    rev sen sens sept sgt sr st supt tenn tex tues univ va vs vt wash wed wis wyo
    a.d a.k.a a.m b.a b.c b.sc d.c j.d m.a m.b.a m.d n.c n.d n.h n.j n.m n.y p.m ph.d r.i
    s.a s.c s.d u.k u.n u.s u.s.a u.s.s.r w.va
"""

ABBREVIATIONS = frozenset(_ABBREVIATIONS.split())
"""Abbreviations, without their last full stop, that are followed by more of their sentence."""

_OPENERS = """
    a about after all also although an and another any are as at because before both but by can could despite
    did do does during each even every few finally first for from further had has have he her here his how
    however i if in indeed instead is it its just last later let like many may maybe meanwhile more moreover
    most much my neither never no nor not nothing now of often on once one only or other our out over
    perhaps please several she should similarly since so some sometimes soon still such take that the
    their then there therefore these they this those though three through thus to today together too two
    under unlike unless until up was we well were what when where whether which while who whose why will
    with within without would yes yet you your
"""

OPENERS = frozenset(_OPENERS.split())
"""Words that are common enough to be seen in small letters, so that a capital shows where a sentence begins."""
