"""What ``channels.toml`` may say: the keys of each kind of channel. ``counties/taihe/channels.toml`` shows every kind."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, ClassVar, Literal, Self, get_args
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from lampwell.config import Settings, matching
from lampwell.county.files import Id, Label, Port

TemplateName = Literal["priority", "place", "what", "value", "limit", "time", "number"]
"""What a letter has for a template SMS (``port.Letter.template``)."""


def is_loopback(host: str) -> bool:
    """Whether it is this machine itself."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_local(url: str) -> bool:
    """Whether it is an HTTP address on this machine."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and is_loopback(parts.hostname or "")


def _address(value: str) -> str:
    """An address that may hold a secret is never shown again, so the reasons name no value."""
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError("is not an address") from None
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("must be the address alone, without ? or @: a token goes into a file of its own")
    if not host or parts.scheme not in ("https", "http"):
        raise ValueError("must be an address such as https://host/path")
    if parts.scheme == "http" and not is_loopback(host):
        raise ValueError("must be https, since a token travels with it; http is for this machine only")
    return value


def _proxy(value: str) -> str:
    if not re.fullmatch(r"http://[A-Za-z0-9.\-\[\]:]+/?", value):
        raise ValueError("must be an HTTP proxy such as http://host:3128, without a login")
    return value


EnvName = Annotated[str, matching(r"[A-Z][A-Z0-9_]*|", "the name of an environment variable")]
Address = Annotated[str, AfterValidator(_address)]
Path = Annotated[str, Field(max_length=500)]


class ChannelFile(Settings):
    """What every channel has. ``SECRETS`` names what comes from ``<name>_file`` or ``<name>_env``, and whether it must."""

    SECRETS: ClassVar[tuple[tuple[str, bool], ...]] = ()

    id: Id
    kind: str
    zh: Label
    en: Label
    timeout_s: float | None = Field(default=None, ge=0.05, le=120)
    per_minute: int | None = Field(default=None, ge=1, le=600)
    fallback: list[str] = Field(default_factory=list)
    test_at: Annotated[str, matching(r"([01][0-9]|2[0-3]):[0-5][0-9]|", "a time of day such as 09:00")] = ""

    @model_validator(mode="after")
    def _secrets_named(self) -> Self:
        for name, must in self.SECRETS:
            file, env = getattr(self, f"{name}_file"), getattr(self, f"{name}_env")
            if file and env:
                raise ValueError(f"{name}_file and {name}_env are both given; one is enough")
            if must and not file and not env:
                raise ValueError(f"needs {name}_file (a file whose first line it is) or {name}_env (a variable that holds it)")
        return self


class WebFile(ChannelFile):
    """What every channel over HTTP has."""

    url: Address | None = None
    ca_file: Path = ""
    proxy: Annotated[str, AfterValidator(_proxy)] | None = None


class DingTalkFile(WebFile):
    """A robot of a DingTalk group."""

    SECRETS = (("token", True), ("secret", False))

    token_file: Path = ""
    token_env: EnvName = ""
    secret_file: Path = ""
    secret_env: EnvName = ""
    markdown: bool = False


class WeComFile(WebFile):
    """A robot of a WeCom group."""

    SECRETS = (("token", True),)

    token_file: Path = ""
    token_env: EnvName = ""


class FeishuFile(WebFile):
    """A bot of a Feishu group."""

    SECRETS = (("token", True), ("secret", False))

    token_file: Path = ""
    token_env: EnvName = ""
    secret_file: Path = ""
    secret_env: EnvName = ""


class SmsFile(WebFile):
    """What both SMS vendors have: a key pair and a template approved beforehand, with what goes into its variables in order."""

    SECRETS = (("key_id", True), ("key_secret", True))

    key_id_file: Path = ""
    key_id_env: EnvName = ""
    key_secret_file: Path = ""
    key_secret_env: EnvName = ""
    sign_name: str = Field(min_length=1, max_length=60)
    template: str = Field(min_length=1, max_length=60)
    names: list[TemplateName] = Field(default=list(get_args(TemplateName)), min_length=1)


class AliyunSmsFile(SmsFile):
    """Aliyun: the template's variables are called what ``names`` says."""


class TencentSmsFile(SmsFile):
    """Tencent Cloud: the template's variables are numbered in the order of ``names``."""

    app_id: str = Field(min_length=1, max_length=60)
    region: str = Field(default="ap-guangzhou", min_length=1, max_length=60)


class ModemFile(ChannelFile):
    """A GSM modem on a serial port."""

    path: str = Field(min_length=1, max_length=500)
    baud: Literal[9600, 19200, 38400, 57600, 115200, 460800] = 115200


class SmtpFile(ChannelFile):
    """A mail host."""

    SECRETS = (("password", False),)

    host: str = Field(min_length=1, max_length=253)
    port: Port | None = None
    security: Literal["starttls", "tls", "none"] = "starttls"
    sender: Annotated[str, matching(r"[!-;=?-~]+@[A-Za-z0-9.-]+", "a mail address")]
    username: str = ""
    password_file: Path = ""
    password_env: EnvName = ""
    ca_file: Path = ""

    @model_validator(mode="after")
    def _login_is_whole_and_safe(self) -> Self:
        if bool(self.username) != bool(self.password_file or self.password_env):
            raise ValueError("username and a password (password_file or password_env) go together")
        if self.security == "none" and not is_loopback(self.host):
            raise ValueError('security = "none" is for this machine only')
        return self


class AppriseFile(ChannelFile):
    """Any service of apprise; the whole URL is the secret."""

    SECRETS = (("url", True),)

    url_file: Path = ""
    url_env: EnvName = ""


class StandInFile(ChannelFile):
    """A local webhook in place of a real channel, with the limits of the kind it is ``like``."""

    url: Address | None = None
    url_env: EnvName = ""
    like: Literal["dingtalk", "wecom", "feishu", "aliyun-sms", "tencent-sms", "modem", "smtp", "apprise"] | None = None

    @model_validator(mode="after")
    def _somewhere_here(self) -> Self:
        if bool(self.url) == bool(self.url_env):
            raise ValueError("needs url or url_env, one of them")
        if self.url and not is_local(self.url):
            raise ValueError("a stand-in is on this machine: url must be http://127.0.0.1:port/path")
        return self


KINDS: dict[str, type[ChannelFile]] = {
    "dingtalk": DingTalkFile,
    "wecom": WeComFile,
    "feishu": FeishuFile,
    "aliyun-sms": AliyunSmsFile,
    "tencent-sms": TencentSmsFile,
    "modem": ModemFile,
    "smtp": SmtpFile,
    "apprise": AppriseFile,
    "stand-in": StandInFile,
}
