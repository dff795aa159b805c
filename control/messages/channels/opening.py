"""From a channel's settings and secrets to the channel. A vendor's libraries are imported only when a county uses it."""

from __future__ import annotations

import ssl
from collections.abc import Mapping

from control.messages.channels.files import (
    AliyunSmsFile,
    AppriseFile,
    ChannelFile,
    DingTalkFile,
    FeishuFile,
    ModemFile,
    SmsFile,
    SmtpFile,
    StandInFile,
    TencentSmsFile,
    WebFile,
    WeComFile,
)
from control.messages.channels.http import Http, tls_context
from control.messages.channels.vendors import VENDORS
from control.messages.port import Channel, Limits
from lampwell.clock import Clock

SMTP_PORTS = {"starttls": 587, "tls": 465, "none": 25}


def open_channel(keys: ChannelFile, limits: Limits, secrets: Mapping[str, str], clock: Clock) -> Channel:
    """The channel; ``secrets`` by the names in ``keys.SECRETS`` (a stand-in's ``url`` too). OSError: no reading its ca_file."""
    match keys:
        case ModemFile():
            from control.messages.channels.modem import Modem

            return Modem(keys.id, limits, path=keys.path, baud=keys.baud, timeout_s=_timeout(keys))
        case AppriseFile():
            from control.messages.channels.apprise_channel import AppriseChannel

            return AppriseChannel(keys.id, limits, url=secrets["url"], timeout_s=_timeout(keys))
        case SmtpFile():
            return _mail(keys, limits, secrets, clock)
        case StandInFile():
            from control.messages.channels.stand_in import StandIn

            return StandIn(keys.id, limits, Http(timeout_s=_timeout(keys)), url=secrets["url"], like=keys.like or "")
        case SmsFile():
            return _sms(keys, limits, secrets, clock)
        case WebFile():
            return _robot(keys, limits, secrets, clock)
    raise AssertionError(keys.kind)


def _robot(keys: WebFile, limits: Limits, secrets: Mapping[str, str], clock: Clock) -> Channel:
    http, url = _http(keys, secrets), keys.url or VENDORS[keys.kind].url
    token, secret = secrets["token"], secrets.get("secret", "")
    match keys:
        case DingTalkFile():
            from control.messages.channels.dingtalk import DingTalk

            return DingTalk(keys.id, limits, http, clock, url=url, token=token, secret=secret, markdown=keys.markdown)
        case WeComFile():
            from control.messages.channels.wecom import WeCom

            return WeCom(keys.id, limits, http, url=url, token=token)
        case FeishuFile():
            from control.messages.channels.feishu import Feishu

            return Feishu(keys.id, limits, http, clock, url=url, token=token, secret=secret)
    raise AssertionError(keys.kind)


def _sms(keys: SmsFile, limits: Limits, secrets: Mapping[str, str], clock: Clock) -> Channel:
    http, url = _http(keys, secrets), keys.url or VENDORS[keys.kind].url
    own = {"sign_name": keys.sign_name, "template": keys.template, **secrets}
    match keys:
        case AliyunSmsFile():
            from control.messages.channels.aliyun_sms import AliyunSms

            return AliyunSms(keys.id, limits, http, clock, url=url, names=keys.names, **own)
        case TencentSmsFile():
            from control.messages.channels.tencent_sms import TencentSms

            fixed = {"app_id": keys.app_id, "region": keys.region}
            return TencentSms(keys.id, limits, http, clock, url=url, names=keys.names, **fixed, **own)
    raise AssertionError(keys.kind)


def _mail(keys: SmtpFile, limits: Limits, secrets: Mapping[str, str], clock: Clock) -> Channel:
    from control.messages.channels.smtp import Smtp

    return Smtp(
        keys.id,
        limits,
        clock,
        host=keys.host,
        port=keys.port or SMTP_PORTS[keys.security],
        security=keys.security,
        sender=keys.sender,
        username=keys.username,
        password=secrets.get("password", ""),
        context=tls_context(keys.ca_file),
        timeout_s=_timeout(keys),
    )


def _http(keys: WebFile, secrets: Mapping[str, str]) -> Http:
    context: ssl.SSLContext | None = tls_context(keys.ca_file) if keys.ca_file else None
    return Http(timeout_s=_timeout(keys), secrets=secrets.values(), context=context, proxy=keys.proxy or "")


def _timeout(keys: ChannelFile) -> float:
    return keys.timeout_s or VENDORS[keys.kind].timeout_s
