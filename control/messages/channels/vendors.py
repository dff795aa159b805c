"""What each vendor allows, and our share of it. Numbers from domain alarms 2.1 unless marked; "unverified" ones are cautious."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from control.messages.port import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """``per_minute``: the vendor's own limit (0 = none known), never to be passed; ``limits``: what we use of it by default.

    Default shares leave a quarter of the vendor's minute unused, since its clock cuts minutes elsewhere than ours (domain alarms
    2.2, rule 5: 15 of 20, 5 of them kept for priority 1). ``timeout_s``: for one send.
    """

    url: str = ""
    per_minute: int = 0
    limits: Limits
    timeout_s: float = 8.0


VENDORS: Mapping[str, Vendor] = {
    # 20/min, then 10 minutes of silence; a text of 20,000 bytes is refused as too long (unverified)
    "dingtalk": Vendor(
        url="https://oapi.dingtalk.com/robot/send",
        per_minute=20,
        limits=Limits(per_minute=15, reserve=5, text_bytes=16_000, pause_s=600),
    ),
    # 20/min, text at most 2,048 bytes
    "wecom": Vendor(
        url="https://qyapi.weixin.qq.com/cgi-bin/webhook/send",
        per_minute=20,
        limits=Limits(per_minute=15, reserve=5, text_bytes=2_048, pause_s=60),
    ),
    # 100/min and 5/s, body at most 20 KB: the text is kept well below, JSON escapes may double some of it
    "feishu": Vendor(
        url="https://open.feishu.cn/open-apis/bot/v2/hook",
        per_minute=100,
        limits=Limits(per_minute=75, reserve=25, per_second=4, text_bytes=8_000, pause_s=60),
    ),
    # 50 notices a day to one number; the API's own limit is far higher. A text of 70 characters is charged as one message
    "aliyun-sms": Vendor(
        url="https://dysmsapi.aliyuncs.com/",
        limits=Limits(per_minute=120, reserve=40, per_second=10, per_day=50, text_chars=70, pause_s=60),
    ),
    # the default frequency rule of an application: 10 a day to one number (unverified)
    "tencent-sms": Vendor(
        url="https://sms.tencentcloudapi.com/",
        limits=Limits(per_minute=120, reserve=40, per_second=10, per_day=10, text_chars=70, pause_s=60),
    ),
    # 3 to 6 s a part in the air; 4 parts of 67 characters (unverified for any one network)
    "modem": Vendor(limits=Limits(per_minute=10, reserve=4, text_chars=268, pause_s=30), timeout_s=60.0),
    # no common limit; mail hosts begin to refuse at some hundreds an hour (unverified)
    "smtp": Vendor(limits=Limits(per_minute=30, reserve=10, text_chars=20_000, pause_s=300), timeout_s=20.0),
    # ntfy takes 7,800 characters in apprise; the others take less of a long text by themselves
    "apprise": Vendor(limits=Limits(per_minute=20, reserve=5, text_chars=2_000, pause_s=60), timeout_s=15.0),
    "stand-in": Vendor(limits=Limits(per_minute=600, reserve=60, text_chars=20_000, pause_s=5)),
}


def narrowed(vendor: Vendor, per_minute: int | None) -> Limits:
    """The vendor's limits with a county's own minute, of which at most a third is kept for priority 1."""
    if per_minute is None:
        return vendor.limits
    return replace(vendor.limits, per_minute=per_minute, reserve=min(vendor.limits.reserve, per_minute // 3))
