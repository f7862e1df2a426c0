"""The words and signs by which reports tell an immunophenotype, in English and Chinese."""

import re
from enum import Enum

from cds_service.terminology.assertion import pattern

SENTENCES = re.compile(r"[;。\n]|\.(?=\s|$)|\b(?:but|however|whereas|while|although)\b|而(?!非)|但", re.IGNORECASE)
DASHES = re.compile(r"[‐‑‒–—−]")
GLUED = re.compile(r"(?<=\d)(dim|neg|pos|bright|low|high|weak|partial)(?=CD|[^A-Za-z]|$)", re.IGNORECASE)
"""Words written in one with the antigen: "CD34posCD33dim"."""

OTHER_ANTIGENS = pattern(
    r"\b(?:cy|c|s|m|i)?CD ?\d{1,3}(?:[a-e](?![a-z]))?",
    r"\bHLA[- ]?DR|\bc?MPO\b|\bmyeloperoxidase\b|\bTdT\b|\blysozyme\b|\bglycophorin\w*|\bkappa\b|\blambda\b|\bNG2\b|\bKi-?67\b",
)
DRUG_BEFORE = pattern(r"(?:\banti-?|抗|靶向)\s*$")
DRUG_BEHIND = pattern(r"^[\s-]*(?:CAR\b|CART|directed|targeted|target\b|specific|bispecific)")

_QUALIFIER = r"(?:partial(?:ly)?|part|partly|dim(?:ly)?|weak(?:ly)?|low|bright|strong|high|moderate|部分|弱|强)"
SIGN = re.compile(
    rf"\s?[:=]?\s?(?:{_QUALIFIER}[\s,/]*)*(?:[(\[]\s*)?(?:{_QUALIFIER}[\s,/]*)*"
    r"(?P<sign>\+/-|-/\+|±|[1-4]?\s?\+{1,4}(?:ve\b)?|-ve\b|-(?!\w|\s?\w)|-(?=CD ?\d+[a-e]?\s?\(?[+-])|(?<!\s)-(?=\s))",
    re.IGNORECASE,
)
"""A sign behind an antigen. A hyphen before a word is none: "CD123-negative", "CD123 - positive"."""
BETWEEN_LISTED = re.compile(
    rf"(?:\({_QUALIFIER}[^)]{{0,12}}\)|[\s,/()&、+-]|\b(?:and|or|nor|as well as|plus)\b|和|及|与|或|均)*", re.IGNORECASE
)
"""What stands between the antigens of a list."""

PERCENT = pattern(r"\s*(?:expression)?\s*[(:=]?\s*(?:about|approx\.?|~|约)?\s*(?P<value>\d{1,3}(?:\.\d+)?)\s*%")
"""A percentage that stands right behind an antigen."""
PARTIAL = pattern(
    r"\b(?:partial(?:ly)?|part|partly|dim(?:ly)?|weak(?:ly)?|low|subset|subpopulation|heterogen\w*|variabl[ey]|minor|some|few)\b",
    "部分|弱|少量|少数|个别|异质",
)
FULL = pattern(r"\b(?:bright|strong(?:ly)?|high)\b", "强")
NOT_ONE_CELL = re.compile(r"(?<![\d.])0(?:\.0+)?\s?%")
DOUBT = pattern(
    r"\b(?:possibl[ey]|probabl[ey]|may be|might be|suspect\w*|suspicious|cannot|can't|rule out|r/o|if|whether|should)\b",
    r"\?|可能|疑|考虑|不能排除|如果|若|是否",
)
EARLIER = pattern(
    r"\b(?:previous(?:ly)?|prior|former(?:ly)?|history|historical(?:ly)?|initially|originally|once)\b",
    r"\bat (?:the )?(?:time of )?(?:initial |first |original |primary )?(?:diagnosis|presentation)\b",
    "既往|初诊|曾|之前|此前|原发病",
)
OTHER_CELLS = pattern(
    r"\b(?:lymphocytes?|[TB][- ]?(?:cells?|lymph\w*)|NK[- ]?cells?|plasma cells?|basophils?|eosinophils?|mast cells?)\b",
    r"\b(?:granulocytes?|neutrophils?|erythroids?|normal|background|ha?ematogones?|controls?|isotype|donor|pDCs?)\b",
    r"\bplasmacytoid dendritic cells?\b",
    "淋巴细胞|正常|嗜碱|嗜酸|肥大细胞|浆细胞|对照|供者|粒细胞(?!白血病)|红细胞",
)
LEUKEMIC_CELLS = pattern(
    r"\b(?:blasts?|leuka?emi\w*|AML|tumou?r cells|abnormal|aberrant|malignant|neoplastic|clone|clonal|population)\b",
    "原始|幼稚|白血病|异常|肿瘤细胞|克隆",
)
SOME_NEGATION = pattern(
    r"\b(?:no|not|never|nor|neither|without|fail\w*|unable|absen\w+|lack\w*|loss|lost|negativ\w*|none)\b",
    r"\b(?:den(?:y|ies|ied)|exclud\w*|rul(?:e|ed|ing) out)\b|n't\b",
    "不|未|无|非|没|缺|排除|除外|否认",
)
"""Beside it no antigen is positive for sure, however it is said."""
FALSE_WORDS = pattern(r"\b(?:positive|negative) controls?\b", r"\bfalse[- ](?:positive|negative)\w*")


class Polarity(Enum):
    """What a word says of the antigens behind it (…_BEFORE) or before it."""

    NOT_DONE = "not done"
    UNCLEAR = "equivocal"
    NEGATIVE_BEFORE = "negative for"
    NEGATIVE = "negative"
    NEGATOR = "no"
    POSITIVE_BEFORE = "positive for"
    POSITIVE = "positive"


_ANTIGEN_NEXT = r"(?=\s*(?:CD|CLL|CLEC|c-?kit|HLA|MPO|IL-?3))"
_OF_WHICH = r"(?: markers?| antigens?)?(?:\s*\([^)]{0,12}\))?"
_POLARITY = {
    Polarity.NOT_DONE: (
        r"\bnot (?:been )?(?:done|tested|performed|assessed|evaluated|examined|available|included|reported|interpretable)\b",
        r"\bcannot be (?:assessed|evaluated|determined|interpreted)\b|\b(?:pending|to follow|n/a)\b",
        "未做|未测|未检测|未查|待回报|待定",
    ),
    Polarity.UNCLEAR: (
        r"\b(?:equivocal|indeterminate|borderline|inconclusive|uninterpretable|questionable)\b",
        r"\bnot (?:clearly|definitely|convincingly|uniformly|entirely)\b[^,;]{0,16}(?:positive|expressed|negative)",
        r"\?|±|可疑|不确定",
    ),
    Polarity.NEGATIVE_BEFORE: (
        rf"\b(?:negative|neg|absent)\b{_OF_WHICH}\s*(?:for\b|:{_ANTIGEN_NEXT})|\bnot positive for\b|\bnon-?expression of\b",
        r"\black(?:s|ing|ed)?\b|\b(?:absence|loss|lack) of\b",
        r"\b(?:do|does|did) not (?:co-?)?express\b|\bnot (?:co-?)?expressing\b",
        rf"阴性[^,;:]{{0,4}}:{_ANTIGEN_NEXT}|(?:不表达|未表达|未检出){_ANTIGEN_NEXT}",
    ),
    Polarity.NEGATIVE: (
        r"\bnot (?:been )?(?:expressed|detected|seen|found|present|identified|positive|reactive)\b",
        r"\b(?:negative|neg|absent|undetect\w+|non-?reactive|lost|loss)\b",
        "阴性|不表达|未表达|无表达|未检出|缺失|丢失",
    ),
    Polarity.NEGATOR: (r"\b(?:no|not|without|neither|nor)\b", "未见|没有|无(?!关)"),
    Polarity.POSITIVE_BEFORE: (
        rf"\b(?:positive|pos|present)\b{_OF_WHICH}\s*(?:for\b|:{_ANTIGEN_NEXT})",
        rf"\b(?:co-?)?express(?:es|ing|ed)?\b{_ANTIGEN_NEXT}|\bexpression of\b",
        rf"阳性[^,;:]{{0,4}}:{_ANTIGEN_NEXT}|(?:共)?表达{_ANTIGEN_NEXT}",
    ),
    Polarity.POSITIVE: (
        r"\b(?:positive|positivity|pos|expressed|detected|present|reactive|bright|strong|dim|weak|partial|low)\b",
        r"\bheterogen\w*|\bvariabl[ey]\b|\bover-?express\w*|\bhigh\b(?![- ](?:risk|grade))",
        r"阳性|表达(?!率|情况|水平|检测|分析|谱|异常|阴|阳|缺|\s*:)",
    ),
}
WORDS = re.compile(
    "|".join(f"(?P<{polarity.name}>{pattern(*words).pattern})" for polarity, words in _POLARITY.items()), re.IGNORECASE
)
"""The words of polarity, each in the group of its name; negations come before what they negate."""
