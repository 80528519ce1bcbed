"""Names that are one slip of the finger away from another one, in a word that means nothing by itself."""

import re
from itertools import product
from string import ascii_letters, digits

from airegistry.core.confusables import skeleton

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_WORD = re.compile(r"[^\W_]+")
_LETTER = re.compile(r"[^\W_]")
_SHORT, _DOUBLED, _LONG = 4, 5, 6
"""Letters from which two that changed places, one that is doubled, and any other slip inside a word are looked at."""
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_SEEN_AS = str.maketrans("i1|0", "lllo")

_REAL = frozenset(
    """
    able acre acres act acting action actions acts add addiction addition alert alter angel angle apples applies
    arise assert assess asset assets auction bale banker basics basis beach beacon bears beats being bend best bets
    bind binding bonding bonds bounds brand brands breach brief buses busy buys cables camps canceled cancelled care
    cares carrier carriers carter cases cater cause causes center centers central centre centres change changing
    chanting chants charge charger chargers charges charter check cites cities claim clarify clarity clause click
    clicks clock clocks closest closet coast coats code color colors colour colours compete complete concert contact
    contacts contest contests context contexts contract contracts contrast convert converts copying corps corpus
    costing counties countries country county course crater crates current curse dairy dates dating decent defect
    defence defense deposit descent desert dessert detect diary divers divided dividend donors doors driver drivers
    drives employee employees employer employers endure ensure eternal exact exert expand expend explode explore
    extend extent external extract faction factor factory faculty failed failing favor favorite favour favourite
    fiber fibre fiction field fields fight filed files filing filled filling finding flies flight floods floors
    foods form forms forum forums fraction framing friction from funding gains game gamers games general generic
    genetic grade grades grains graves guess guests health heath hiding hiring honor honour hosts hours hunger
    identifies identify identities identity image insect inspect instance invert invest invite invoke joins joints
    labor labour later latter launch lawyer layer leading leasing liars licence license likes line lined liner lines
    linked linking lists lively locate loose lose losers loses macro maker makers makes march marco margin marker
    markers marking match matching meals meta metal metals meter meters metre metres mines mobile mode model models
    modes moral move moves movies named names native negate neural neutral node nodes notes nuclear number numbers
    offence offense officer officers offices order orders organisation organization palace parent parents part parts
    party patch patent patents patient patients peer petty phase phases phrase phrases piece pilot pilots place
    plain plains plan plane planes planet planets plans plant plants plots polo pool posed posing post posted
    posting posts pots powder power prefer present preset press prevent price prices prince princes process
    processor professor profile profiles project promoted prompt prompted proof prove provide provider providers
    provides qualify quality quiet quite quota quote raise raised raises rally random range ranges ranking rapids
    raster rated rates rating reach reached react reacted realise realize really recognise recognize record records
    recover redact refund regain region reject relate related relay relied relies remainder reminder remote remove
    repay replay replied replies reply report request reserve reset resign resin resolve resource respond restore
    result resume retain return reverse revert rider riders rides risks robots rogue roots rouge route routes rulers
    rules sacred sales salon saved saves scale scales scanned scare scared scene scored scores seed seeds selling
    sells send sending sends sense server servers serves service setting settle settling shades share shared shares
    shelf shift shifts shipping shirts shopping shops shores shorts sight sign signing signs sing sizes slice slices
    slide slides sorted sorting sorts sports spots stage staged staging stains stake stamp starred starring start
    started starting starts state stated statement states static stating stats status stays steam step steps sticks
    stock stocks stop store stored stores stories storing story stream strike string strings strip strips stroke
    strokes supplier suppliers supplies table tables tablet tablets tails takes tales talks task tasks teacher
    teaches team teams term terms test testing tests text texting theater theatre there threat threats three through
    tide tied tier tiers tiles timer tire titles trace traced traces tracing track tracked tracking trade traded
    traders trades trading trail trails train trains transfer transit transmit trial trials tried tries trigger
    tuned tuning turned turning typing unclear unite united upload user users valid value values venues verse
    version viewer views visit voters votes waiter warp water weighs weight weights widow window windows winter word
    words work world worlds wrap write writer writers writes
    """.split()
)
"""Words that are one slip away from others and mean something: whoever writes them may well mean them."""


def _beside() -> dict[str, frozenset[str]]:
    """The keys that touch each key."""
    found: dict[str, set[str]] = {}
    for row, keys in enumerate(_ROWS):
        for place, key in enumerate(keys):
            near = (other[max(0, place - 1) : place + 2] for other in _ROWS[max(0, row - 1) : row + 2])
            found[key] = {letter for letters in near for letter in letters if letter != key}
    return {key: frozenset(near) for key, near in found.items()}


_BESIDE = _beside()


def is_slip(name: str, known: str) -> bool:
    """Whether a name is another one with a slip in one of its words, and that word means nothing by itself."""
    words, others = _words(name), _words(known)
    if len(words) != len(others):
        return False
    different = [(word, other) for word, other in zip(words, others, strict=True) if word != other]
    return len(different) == 1 and _slipped(*different[0])


def _words(name: str) -> list[str]:
    return _WORD.findall(_CAMEL.sub("_", name).replace("_", " ").lower())


def _slipped(word: str, known: str) -> bool:
    if word in _REAL or min(len(word), len(known)) < _SHORT or word.isdigit() or known.isdigit():
        return False
    if skeleton(word).translate(_SEEN_AS) == skeleton(known).translate(_SEEN_AS):
        return True
    start = next((i for i, (one, other) in enumerate(zip(word, known, strict=False)) if one != other), None)
    if start is None:  # one is the start of the other, as in a plural
        return len(word) == len(known) + 1 and len(known) >= _DOUBLED and word[-1] == known[-1] and word[-1] != "s"
    if len(word) == len(known):
        swapped = known[:start] + known[start + 1 : start + 2] + known[start] + known[start + 2 :]
        if word == swapped:
            return True
        inside = 0 < start < len(word) - 1 and len(word) >= _LONG and word[start + 1 :] == known[start + 1 :]
        return inside and word[start] in _BESIDE.get(known[start], ())
    short, long = sorted((word, known), key=len)
    if len(long) - len(short) != 1 or long[:start] + long[start + 1 :] != short or not start:
        return False
    return len(short) >= (_DOUBLED - 1 if long[start] == long[start - 1] else _LONG)


class Slips:
    """Names by length, first and last letter, so that one is compared with few to find those that it is a slip of."""

    def __init__(self) -> None:
        self._names: dict[tuple[int, str, str], dict[str, None]] = {}

    def put(self, name: str) -> None:
        """Know a name."""
        self._names.setdefault(_place(name), {})[name] = None

    def remove(self, name: str) -> None:
        """Forget a name."""
        self._names.get(_place(name), {}).pop(name, None)

    def of(self, name: str) -> list[str]:
        """The names that this one is a slip of."""
        # Imported when first asked: a registry at rest has no use for it.
        from rapidfuzz import process
        from rapidfuzz.distance import OSA

        near: list[str] = []
        lengths = range(len(name) - 1, len(name) + 2)
        for length, end in product(lengths, dict.fromkeys(_ends(name))):
            # Made in one step: the catalog may change in another thread.
            choices = list(self._names.get((length, name[:1].lower(), end), ()))
            found = process.extract(name, choices, scorer=OSA.distance, score_cutoff=1, limit=None)
            near += [each for each, _, _ in found]
        return [each for each in near if each != name and is_slip(name, each)]


def _place(name: str) -> tuple[int, str, str]:
    return len(name), name[:1].lower(), _SEEN.get(name[-1:]) or _ends(name)[-1]


def _ends(name: str) -> list[str]:
    """The last two letters of a name's words, as they look. A slip leaves the last one, or makes it the one before."""
    return [_seen(letter) for letter in _LETTER.findall(name)[-2:] or [""]]


def _seen(letter: str) -> str:
    return skeleton(letter.lower()).translate(_SEEN_AS)[-1:]


_SEEN = {letter: _seen(letter) for letter in ascii_letters + digits}
