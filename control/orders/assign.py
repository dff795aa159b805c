"""Who gets an order. Pure: the caller says which crews there are, who is on shift and what each already has to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from control.people.roster import Crew


@dataclass(frozen=True, slots=True, kw_only=True)
class CrewFacts:
    """A crew as the choice sees it. ``areas`` empty: the whole county. ``here``: who is on shift. ``orders``: open orders of the
    crew; ``by_person``: of each of its people.
    """

    id: str
    skill: str
    areas: tuple[str, ...] = ()
    here: tuple[str, ...] = ()
    orders: int = 0
    by_person: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """``crew`` and ``person`` None: nobody could be chosen; ``why`` says why this choice, zh and en."""

    crew: str | None = None
    person: str | None = None
    why: str


def choose(area: str, skill: str, crews: Sequence[CrewFacts]) -> Choice:
    """Of the crews with the skill ("" = any) that work in the area ("" = any): those with somebody on shift before the others,
    those of the area before those of the whole county, then the fewest open orders a person on shift, then by name. In it the
    person on shift with the fewest.
    """
    able = [one for one in crews if not skill or one.skill == skill]
    fit = [one for one in able if not one.areas or not area or area in one.areas]
    if not fit:
        what = (
            "没有该工种的班组 there is no crew of skill"
            if not able
            else f"没有负责{area}的班组 no crew works in {area} with skill"
        )
        return Choice(why=f"{what} {skill}".rstrip())
    best = min(fit, key=lambda one: (not one.here, not one.areas, one.orders / max(1, len(one.here)), one.id))
    if not best.here:
        return Choice(crew=best.id, why="无人在班，派给班组 nobody is on shift: given to the crew")
    person = min(best.here, key=lambda name: (best.by_person.get(name, 0), name))
    reach = "本片区班组" if best.areas else "全县班组"
    english = "the area's crew" if best.areas else "a crew for the whole county"
    return Choice(crew=best.id, person=person, why=f"{reach}，在班，工单最少 {english}, on shift, with the fewest orders")


def facts(crews: Iterable[Crew], here: Mapping[str, tuple[str, ...]], running: Sequence[tuple[str, str]]) -> list[CrewFacts]:
    """The crews of a roster. ``here``: who is on shift, by crew; ``running``: (crew, person) of every order not ended."""
    return [
        CrewFacts(
            id=crew.id,
            skill=crew.skill,
            areas=crew.areas,
            here=here.get(crew.id, ()),
            orders=sum(name == crew.id for name, _ in running),
            by_person=Counter(person for _, person in running if person),
        )
        for crew in crews
    ]
