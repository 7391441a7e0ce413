"""Numbers and amounts of money as the visitor's language writes them: 1,600 and $0.21, or 1.600 and 0,21 $.

    figure(1600)             # "1,600"
    figure(0.2134, ".2f")    # "0.21"; any of Python's formats
    dollars(2.5)             # "$2.50"

What is stored, sent or put into a link, a file or a job is written plainly and never with these.
"""

from __future__ import annotations

from trl_space.texts import by_language, t


@by_language
def figure(value: float, spec: str = ",") -> str:
    """A number in one of Python's formats, with the separators of the language."""
    separators = str.maketrans({",": t("number.group"), ".": t("number.point")})
    return format(value, spec).translate(separators)


@by_language
def dollars(usd: float) -> str:
    """An amount of US dollars, to the cent."""
    return t("number.money", n=figure(usd, ",.2f"))
