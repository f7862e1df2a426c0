"""Whether a text says a thing of the patient, denies it, or leaves it open.

A negation reaches the words behind it within its clause; behind a comma, a preposition or more than some words its reach is
unclear, and what is unclear is POSSIBLE: neither "has it" nor "has it not". Doubt wins over negation ("cannot be ruled out").

Source: NegEx (Chapman et al., J Biomed Inform 2001;34:301) for triggers, scope and termination; the names of the answers are
those of the i2b2 2010 assertion task. English and Chinese.
"""

import re
from enum import Enum

_LETTER = r"[A-Za-z0-9_\u00c0-\u024f]"
_EDGE = rf"(?:(?<!{_LETTER})(?={_LETTER})|(?<={_LETTER})(?!{_LETTER}))"
"""A word's edge in Latin script. Python's own takes Chinese characters for letters of the same word: "AML复发"."""
WORD_START = rf"(?:(?<!{_LETTER})|(?!{_LETTER}))"
"""Where a word of Latin script begins, or something else."""
_IN_WORD = re.compile(rf"(?<={_LETTER}){_LETTER}")


class Assertion(Enum):
    """What a text says of a thing that it names."""

    PRESENT = "present"
    ABSENT = "absent"  # denied, of another person, or a mere screening, risk or prevention
    POSSIBLE = "possible"  # suspected, to be ruled out, or said unclearly


def pattern(*parts: str) -> re.Pattern[str]:
    r"""One regular expression of several, in which \b is a word's edge in Latin script."""
    return re.compile("|".join(parts).replace(r"\b", _EDGE), re.IGNORECASE)


_SENTENCE_END = re.compile(r"[;。\n!]|(?<!vs)\.(?=\s+[A-Z一-鿿]|\s*$)")
_TURN = pattern(r"\b(?:but|however|although|though|except|nevertheless)\b", r",\s*with\b", "但", "然而")
"""Behind it an earlier negation reaches no further."""

_NO_NEGATION = pattern(
    r"\bnot only\b",
    r"\bnot (?:having )?achieved? (?:a )?(?:complete )?remission\b",
    r"\bnot in (?:\w+ )?remission\b",
    r"\bno (?:complete )?(?:remission|response)\b",
    r"\bnot (?:otherwise specified|elsewhere classified)\b",
    r"\bnot (?:yet )?(?:treated|responding)\b",
    r"\bno known (?:drug )?allerg\w*",
    r"\b(?:suspected|possible|probable|likely) (?:relapse|recurrence|progression)\b",
    r"\bwithout (?:maturation|mention of)\b",
    r"\bgraft[- ](?:versus|vs\.?)[- ]host\b",
    "不仅",
)
"""Words that hold a negation or a doubt and say neither of what stands behind them."""

_DOUBT_BEFORE = pattern(
    r"\b(?:rule|r|ruling)[- /]?out\b",
    r"\br/o\b",
    r"\b(?:to |please )?exclude\b",
    r"\b(?:cannot|can not|can't|could not|not|never) (?:be )?(?:exclud|rul)\w*(?: out)?\b",
    r"\b(?:possibl[ey]|probabl[ey]|likely|presum\w+|provisional\w*|tentative\w*|quer(?:y|ied)|questionable|equivocal)\b",
    r"\b(?:unlikely|unconfirmed|perhaps|maybe|may have|might have|suspect\w*|suspici\w+|favou?rs?|favou?red)\b",
    r"\b(?:concern(?:ing)?|worrisome) (?:for|about|of)\b",
    r"\b(?:work-?up|evaluat\w+|assess(?:ed)?|consider(?:ed|ing)?|watch) (?:for|of)\b",
    r"(?<!positive )\btest(?:ed|ing)? for\b",
    r"\bconsider\b",
    r"\b(?:plann(?:ed|ing)|awaiting|candidate|referr\w+) (?:for )?(?:\w+ ){0,2}$",
    r"\b(?:differential|ddx|d/d)\b",
    r"\b(?:versus|vs)\b",
    "疑(?!难)|拟诊|(?<!不)考虑|可能|待排|待查|待除外|不除外|不能除外|不能排除|未排除|不排除|未除外|倾向",
)
_MARKED_BEFORE = re.compile(r"\?\s*(?:\w+\s+){0,1}$")
_DENIED_BEFORE = pattern(
    r"\b(?:no evidence (?:of|for)|not resulting in)\b",
    r"\bno(?!\.)\b",
    r"\b(?:not|never|without|nor|neither|none of)\b",
    r"\bw/o\b",
    r"\b(?:negative|neg) for\b",
    r"\bden(?:y|ies|ied|ying)\b",
    r"\b(?:absence|free|loss) (?:of|from)\b",
    r"\black(?:s|ed|ing)?(?: of)?\b",
    r"\bruled out\b",
    r"\bexclud(?:ed|es|ing)\b",
    r"\bfail(?:ed|s|ing|ure)? to (?:achieve|attain|reach|obtain|show)\b",
    r"\b(?:rather than|instead of|other than)\b",
    "无(?!痛|功能|色素|症状|性|菌|效)|没有|未(?=见|患|行|接受|曾|用过|发|检|诊|确诊|提示|出现|达|有|$)|否认|排除|除外|不是|不支持|不考虑|不符合|不伴|并非|而非",
)
_RELATION = (
    r"(?:mother|father|sister|brother|sibling|aunt|uncle|cousin|niece|nephew|grand(?:mother|father|parent)s?|parents?|son|daughter|"
    r"husband|wife|spouse)(?:'s|s)?\b(?!(?:'s)?[- ](?:donor|marrow|stem|cells|graft|(?:\w+ )?(?:breast-?feed|lactat)))"
)
"""A relative, unless they gave the graft; and not the patient herself who breastfeeds."""
_OTHER_BEFORE = pattern(
    r"\b(?:family history|family hx|fhx|fh|familial (?:risk|history))\b",
    rf"\b{_RELATION}",
    r"\b(?:maternal|paternal) (?:history|side|aunt|uncle|cousin|grand\w+)\b",
    r"\bfirst[- ]degree relatives?\b",
    r"\bscreen(?:ing|ed)? (?:for|exam\w*(?: for)?|mammogra\w*(?: for)?|colonoscop\w*(?: for)?)",
    r"\b(?:at |increased |high )?risk (?:of|for)\b",
    r"\b(?:prophyla(?:xis|ctic)|prevent(?:ion|ive|ing)?|vaccinat\w+|immuni[sz]ation)\b",
    r"\b(?:fear of|worr(?:y|ied) about|anxiety about|counsel\w+|education|exposure to|contact with)\b",
    "家族史|父亲|母亲|其父|其母|父母|兄弟|姐妹|姐姐|妹妹|哥哥|弟弟|祖父|祖母|外公|外婆|亲属|家属|筛查|预防|风险|接触史",
)
_TESTED = (
    r"(?:surface|core|e|virus|antigen|antibod\w+|Ag|Ab|IgM|DNA|RNA|PCR|serolog\w+|tests?|screen|results?|status|is|was|were)"
)
_SHOWN = r"(?:seen|found|detected|present|identified|evident|achieved|reached|attained|obtained)"
_DENIED_BEHIND = pattern(
    rf"^[\s:(\-]*(?:{_TESTED}\s+){{0,3}}(?:negative|neg)\b(?!\s+(?:for|margin|node|lymph))",
    r"^[\s:(\-]*(?:(?:has|have|had|is|was|were|been)\s+){0,2}(?:ruled out|excluded|absent|denied)\b",
    rf"^[\s:(\-]*(?:(?:is|was|were)\s+)?not (?:yet )?{_SHOWN}\b",
    r"^\s*[:(\-]\s*(?:no|none|denie[sd]|never)\s*(?:$|[).,;])",
    "^[^,;()]{0,4}?(?:阴性|未达|(?:已排除|排除|除外|未见|未检出|未发现)(?=$|[,;。)]))",
)
_OTHER_BEHIND = pattern(
    r"^\s*(?:\w+\s+)?screen(?:ing|ed)?\b",
    r"^\s*(?:prophylaxis|vaccin\w*|immuni[sz]ation|exposure|prevention)\b",
    rf"^\s*[(\-:]\s*(?:in )?{_RELATION}[^,;]{{0,12}}(?:$|[),;])",
    rf"^(?:\s+\w+){{0,3}}\s+in (?:the |his |her |a )?(?:{_RELATION}|(?:family|relatives?)\b)",
    r"^[\s,(\-:]*(?:family (?:history|hx)|fhx)\b",
    "^(?:筛查|预防|疫苗|接触|家族史)",
)
_TOLD_OF_OTHERS = pattern(
    r"\b(?:screen(?:ing|ed)?|prophylaxis|vaccin\w*|immuni[sz]ation|exposure)\b", "筛查|预防|疫苗|接触|家族史"
)
_DOUBT_BEHIND = pattern(
    r"^[\w\s\-]{0,6}(?:\([^)]*\))?\s*\?(?!\w)",
    r"^[\s(\[:\-]*(?:is |was )?(?:suspected|possible|probable|likely|unlikely|unconfirmed|provisional|query)\s*(?:$|[)\].,;])",
    r"^[\s(\[:\-]*(?:can ?not|can't|could not|not) (?:yet )?(?:be )?(?:excluded|ruled out|confirmed)\b",
    r"^[\s(\[:\-]*(?:to be (?:ruled out|excluded|confirmed)|r/o|rule out)\b",
    r"^\s*(?:vs|versus)\b",
    r"^[- ]free\b",
    r"^\s*(?:risk\b(?! (?:group|strat|categ|class|score))|counsel\w*|education\b)",
    rf"^\s*,\s*{_RELATION}",
    "^[^,;]{0,8}?(?:待排|待查|待除外|可能|不除外|不能除外|不能排除|未排除|待确诊|疑似)",
    "^与.{0,12}鉴别",
)
_COMES_BACK = pattern(r"^\s*(?:recurren\w*|relaps\w*|progress\w*|metasta\w*)", "^(?:复发|转移|进展)")
"""To deny, or to suspect, that it came back is to say that it was there."""
_EITHER_BEHIND = pattern(r"^\s*or\b", "^或")
_DENIED_WITHIN = pattern(r"\W(?:no|not|without|never|negative for|w/o)\b", "未|无|否认|排除|没有")
_DOUBT_WITHIN = pattern(
    r"\?", r"\W(?:possibl[ey]|probabl[ey]|suspect\w*|suspici\w+|rule out|r/o|risk of|query)\b", "疑(?!难)|可能|考虑|风险"
)

_FAR, _FAR_IN_CHINESE = 5, 16
"""So many words, or characters, behind a negation its reach is unclear."""
_UNCLEAR_REACH = pattern(
    ",", r"\b(?:with|in|on|for|from|to|by|due|because|after|before|during|since|who|which|and)\b", "后|因|伴"
)
_OF_ANOTHER_MATTER = pattern(",", r"\b(?:for|due|because|who|which|and|patient)\b", "后|因")
"""Behind a relative: "mother with breast cancer" is the mother's, "graft from his mother for AML" is not."""
_LISTED = pattern(r"\b(?:or|nor)\s+(?:\w+\s+){0,2}$")


def assertion(text: str, start: int, end: int) -> Assertion:
    """What a text says of the mention that stands in it from `start` to `end`."""
    before = _without_false_triggers(_last(_TURN, _last(_SENTENCE_END, text[:start])))
    while end < len(text) and _IN_WORD.match(text, end):  # a mention may end within a word
        end += 1
    behind = _first(text[end:])
    if _DOUBT_BEHIND.search(behind) or _MARKED_BEFORE.search(before):
        return Assertion.POSSIBLE
    others = list(_OTHER_BEFORE.finditer(before + text[start:end]))
    if _OTHER_BEHIND.search(behind) or any(other.start() < len(before) < other.end() for other in others):
        return Assertion.ABSENT
    others = [other for other in others if other.end() <= len(before)]
    if not others and _COMES_BACK.search(behind):
        return Assertion.PRESENT
    if _DOUBT_BEFORE.search(before):
        return Assertion.POSSIBLE
    if _DENIED_BEHIND.search(behind):
        return Assertion.ABSENT
    denials = [_reaches(before[found.end() :], _UNCLEAR_REACH) for found in _DENIED_BEFORE.finditer(before)]
    if reached := [*denials, *(_reaches(before[other.end() :], _OF_ANOTHER_MATTER) for other in others)]:
        return Assertion.ABSENT if any(reached) else Assertion.POSSIBLE
    within = _without_false_triggers(text[start : end - 1]) + text[end - 1 : end]
    if _DOUBT_WITHIN.search(within, 1):
        return Assertion.POSSIBLE
    if _DENIED_WITHIN.search(within, 1):
        return Assertion.ABSENT
    return Assertion.POSSIBLE if _EITHER_BEHIND.search(behind) else Assertion.PRESENT


def tells_of_others(text: str) -> bool:
    """Whether it speaks of relatives, screening, risk or prevention: what it does not say of the patient is no denial."""
    return _OTHER_BEFORE.search(text) is not None or _TOLD_OF_OTHERS.search(text) is not None


def _without_false_triggers(text: str) -> str:
    return _NO_NEGATION.sub(lambda found: "~" * len(found[0]), text)


def _reaches(between: str, unclear: re.Pattern[str]) -> bool:
    """Whether a word clearly reaches over these: few, and of one phrase, or a list that ends in "or"."""
    if _LISTED.search(between):
        return True
    near = len(between.split()) <= _FAR and (len(between) <= _FAR_IN_CHINESE or between.isascii() or "、" in between)
    return near and unclear.search(between) is None


def _last(end: re.Pattern[str], text: str) -> str:
    """What stands behind the last of these."""
    position = max((found.end() for found in end.finditer(text)), default=0)
    return text[position:]


def _first(text: str) -> str:
    """What stands before the end of the sentence."""
    found = _SENTENCE_END.search(text)
    return text if found is None else text[: found.start() + 1]
