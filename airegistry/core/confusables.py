"""Letters that look like others, and the skeleton of a name: what is left of it to the eye.

The table follows the idea and much of the data of Unicode's confusables (UTS #39), cut down to what is taken for an
ASCII letter or digit after NFKC, and with the small capitals and loose lookalikes added that attackers use.
"""

import re
import unicodedata
from functools import lru_cache
from itertools import pairwise

_LOOKALIKES = {
    "a": "ɑαаᴀΑАᎪᗅꓮ⍺ꭺ",
    "b": "ʙƄЬьвΒВᏴᏏᑲᗷꓐɓ",
    "c": "ᴄϲсⲥꮯСⲤᏟꓚƈ",
    "d": "ᴅԁᑯᏧᎠᗞᗪꓓꓒđɗ",
    "e": "ᴇеҽɛεєΕЕⴹᎬꓰ℮ꬲə",
    "f": "ꜰғƒϝꞙքϜᖴꓝꬵ",
    "g": "ɢɡᶃɠցԌᏀᏳꓖ",
    "h": "ʜһհнΗⲎНᎻᕼꓧᏂђħ",
    "i": "ıɪɩιіꙇᎥꭵɨїί",
    "j": "ᴊϳјͿЈᎫᒍꓙʝ",
    "k": "ᴋкκⲕΚⲔКᏦꓗƙқ",
    "l": "ʟǀӏΙⲒІӀⵏᛁꓲᏞᒪꓡłɭ∣│",
    "m": "ᴍмⲙΜϺⲘМᎷᗰᛖꓟɱ",
    "n": "ɴոռηпΝⲚꓠŋɳ",
    "o": "ᴏᴑοσоօⲟഠဝჿΟⲞОՕⵔꓳøѳ〇",
    "p": "ᴘρрⲣΡⲢРᏢᑭꓑƥ",
    "q": "ԛգզⵕɋ",
    "r": "ʀᴦгⲅꭇꭈƦᎡᏒᖇꓣɾɽ",
    "s": "ꜱѕꮪЅՏᏕᏚꓢƽʂ",
    "t": "ᴛтτⲧΤⲦТᎢꓔƭʈŧ",
    "u": "ᴜυսꞟʋμɥՍሀᑌꓴ",
    "v": "ᴠνѵꮩѴⴸᏙᐯꓦ",
    "w": "ᴡɯѡԝաωꮃԜᎳᏔꓪ",
    "x": "хχⲭΧⲬХⵝᚷꓫᕁᕽ×",
    "y": "ʏγуүყɣỿΥⲨУҮᎩᎽꓬ",
    "z": "ᴢꮓΖᏃꓜʐż",
    "2": "ꙄᒿƧϨ",
    "3": "ЗзӠȜƷꓱӡʒ",
    "4": "Ꮞч",
    "6": "бᏮ",
    "8": "ȣȢ",
}
FOLD = str.maketrans(
    {look: letter.upper() if look.isupper() else letter for letter, looks in _LOOKALIKES.items() for look in looks}
)
"""For `str.translate`: what looks like an ASCII letter or digit to that one, capitals to capitals."""

_WORD = re.compile(r"[^\W_]+")
_MARKS = re.compile("[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20f0]+")
_LATIN = re.compile("[A-Za-z]")
_PHONETIC = re.compile("[\u0180-\u02af\u1d00-\u1dbf\ua720-\ua7ff\uab30-\uabbf]")
_OTHER_SCRIPTS = frozenset(
    look for looks in _LOOKALIKES.values() for look in looks if not unicodedata.name(look).startswith("LATIN")
)
_IDENTICAL = str.maketrans(
    "аеорсухѕіјһԁԛԝАВЕКМНОРСТХУЅІЈԌοΟνΑΒΕΖΗΙΚΜΝΡΤΥΧ", "aeopcyxsijhdqwABEKMHOPCTXYSIJGoOvABEZHIKMNPTYX"
)
_SHAPES = ("rn", "m"), ("vv", "w"), ("|", "l"), ("I", "l")
_DIGIT = re.compile("(?<=[A-Za-z])[01]|[01](?=[A-Za-z])")
_UNSEEN = frozenset(("Mn", "Me", "Cf", "Co", "Cc"))


def folded(text: str) -> str:
    """A text in which words that are made to look Latin are Latin; words of any other script stay as they are.

    That is a word which mixes ASCII letters with lookalikes, one of phonetic letters such as small capitals, and, in a
    text that is mostly Latin, one of at least three letters that all look Latin.
    """
    if text.isascii():
        return text
    latin = 2 * len(_LATIN.findall(text)) > sum(map(str.isalpha, text))
    return _WORD.sub(lambda match: _word(match[0], latin), text)


def _word(word: str, among_latin: bool) -> str:
    if word.isascii():
        return word
    looks = word.translate(FOLD)
    mixed = bool(_LATIN.search(word) or _PHONETIC.search(word)) and looks != word
    return looks if mixed or (among_latin and len(word) > 2 and looks.isascii()) else word


def unmarked(text: str) -> str:
    """NFKC, without the combining marks that are left: they strike letters out and stack on them."""
    text = unicodedata.normalize("NFKC", text)
    return text if text.isascii() else _MARKS.sub("", text)


@lru_cache(maxsize=4096)
def skeleton(name: str) -> str:
    """What a name looks like: two names with one skeleton are the same to the eye, or nearly. Case is kept,
    and so are numbers."""
    if not name.isascii():
        letters = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", name).translate(FOLD))
        name = "".join(letter for letter in letters if unicodedata.category(letter) not in _UNSEEN).translate(FOLD)
    for shape, letter in _SHAPES:
        name = name.replace(shape, letter)
    return _DIGIT.sub(lambda match: "o" if match[0] == "0" else "l", name)


def disguised(text: str) -> list[str]:
    """Words that mix ASCII letters with lookalikes of other scripts so that the whole looks Latin, as they stand.

    Words of science (`α-helix`, `µs`, `Δt`) and loans with an ending (`PDFом`) are none.
    """
    return [] if text.isascii() else [match[0] for match in _WORD.finditer(text) if _disguised(match[0])]


def _disguised(word: str) -> bool:
    if word.isascii() or len(word) < 3 or not _LATIN.search(word):
        return False
    foreign = [letter for letter in word if not letter.isascii() and letter in _OTHER_SCRIPTS]
    if not foreign or not word.translate(FOLD).isascii():
        return False
    scripts = [letter.isascii() for letter in word if letter.isalpha()]
    switches = sum(one != other for one, other in pairwise(scripts))
    greek = all("\u0370" <= letter <= "\u03ff" for letter in foreign)
    return switches > 1 or (not greek and len(foreign) <= 2 < len(scripts) - len(foreign))


def poses(name: str) -> bool:
    """Whether a name outside ASCII reads as one in ASCII: full-width and mathematical letters, or letters of other
    scripts of which not one can be told from a Latin one."""
    if name.isascii():
        return False
    normal = unicodedata.normalize("NFKC", name)
    return normal.isascii() or (sum(map(str.isalpha, normal)) > 2 and normal.translate(_IDENTICAL).isascii())
