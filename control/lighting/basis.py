"""What figures rest on, from the county's files as they are now (inventory, tariffs), and what of them does not fit."""

from __future__ import annotations

from collections.abc import Sequence

from lampwell.assets import County
from lampwell.errors import ConfigError
from lampwell.lighting.files import build_plan, load_lighting
from lampwell.lighting.model import Plan
from lampwell.lighting.preview import Basis, loads_of
from lampwell.lighting.wire import Said


def basis_of(county: County) -> Basis:
    """ConfigError where the lighting files can not be read."""
    lighting = load_lighting(county.folder, county)
    return Basis(loads=loads_of(county), tariffs=lighting.tariffs, standards=lighting.standards)


def basis_for(county: County, plan: Plan) -> tuple[Basis, Sequence[Said]]:
    """The same, without tariffs where the files can not be read, and what of them does not fit the plan that runs."""
    loads = loads_of(county)
    try:
        lighting = load_lighting(county.folder, county)
    except ConfigError as error:
        count = len(error.problems)
        return Basis(loads=loads), [Said(zh=f"照明文件有 {count} 处错误", en=f"the lighting files have {count} mistakes")]
    known = {one.id for one in plan.targets}
    missing = [one.id for one in build_plan(county, lighting).targets if one.id not in known]
    if not missing:
        return Basis(loads=loads, tariffs=lighting.tariffs, standards=lighting.standards), []
    zh = f"{len(missing)} 个回路或灯不在运行的方案中（{missing[0]}）"
    en = f"{len(missing)} loops and lamps are not in the running plan: {missing[0]}"
    return Basis(loads=loads, tariffs=lighting.tariffs, standards=lighting.standards), [Said(zh=zh, en=en)]
