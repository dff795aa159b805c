"""Aliyun's SMS 阿里云短信: SendSms of Dysmsapi 2017-05-25, signed in the RPC way with HMAC-SHA1.

https://help.aliyun.com/document_detail/101414.html (SendSms), .../101343.html (signature), .../101346.html (codes).
A text goes out through a template approved beforehand; its variables take the letter's ``template`` values. Addresses (URLs) are
refused in variables, so the link stays out. OK means accepted by Aliyun; whether the phone got it is told elsewhere.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import quote, urlencode

from control.messages.channels.http import Codes, Http
from control.messages.channels.texts import text_cut
from control.messages.port import Letter, Limits, Outcome, Receipt
from lampwell.clock import Clock

_BROKEN = (
    "isp.RAM_PERMISSION_DENY isv.OUT_OF_SERVICE isv.PRODUCT_UN_SUBSCRIPT isv.PRODUCT_UNSUBSCRIBE isv.ACCOUNT_NOT_EXISTS "
    "isv.ACCOUNT_ABNORMAL isv.SMS_TEMPLATE_ILLEGAL isv.SMS_SIGNATURE_ILLEGAL isv.SMS_SIGN_ILLEGAL isv.SIGN_STATE_ILLEGAL "
    "isv.TEMPLATE_MISSING_PARAMETERS isv.AMOUNT_NOT_ENOUGH isv.DENY_IP_RANGE "
    "SignatureDoesNotMatch IncompleteSignature InvalidAccessKeyId InvalidTimeStamp Forbidden NoPermission"
)
_DEAD = (
    "isv.MOBILE_NUMBER_ILLEGAL isv.MOBILE_COUNT_OVER_LIMIT isv.BLACK_KEY_CONTROL_LIMIT isv.PARAM_LENGTH_LIMIT "
    "isv.PARAM_NOT_SUPPORT_URL isv.INVALID_PARAMETERS isv.INVALID_JSON_PARAM isv.SMS_CONTENT_ILLEGAL MissingPhoneNumbers"
)
CODES = Codes(
    vendor="阿里云短信 Aliyun SMS",
    good="OK",
    outcomes=dict.fromkeys(_BROKEN.split(), Outcome.BROKEN) | dict.fromkeys(_DEAD.split(), Outcome.DEAD),
    pauses={"isv.BUSINESS_LIMIT_CONTROL": 60.0, "isv.DAY_LIMIT_CONTROL": 3600.0, "Throttling.User": 10.0},
)

_VALUE = Limits(text_chars=35)
"""Longest value of a template's variable (unverified for every kind of variable)."""


def signature(method: str, parameters: Mapping[str, str], secret: str) -> str:
    """The RPC signature: HMAC-SHA1, keyed with the secret and ``&``, over the sorted parameters, encoded once more."""
    ordered = "&".join(f"{_encoded(key)}={_encoded(value)}" for key, value in sorted(parameters.items()))
    text = f"{method}&{_encoded('/')}&{_encoded(ordered)}"
    return base64.b64encode(hmac.new(f"{secret}&".encode(), text.encode(), hashlib.sha1).digest()).decode()


def template_values(letter: Letter, names: Sequence[str]) -> list[str]:
    """A template's values in order, none too long; "-" for what the letter does not have: a variable may not be empty."""
    values = dict(letter.template) or {"what": letter.title}
    return [text_cut(" ".join(values.get(name, "").split()), _VALUE) or "-" for name in names]


class AliyunSms:
    """One account, one signature text (``sign_name``), one template (``template``) whose variables are ``names``."""

    kind = "aliyun-sms"

    def __init__(
        self,
        name: str,
        limits: Limits,
        http: Http,
        clock: Clock,
        *,
        url: str,
        key_id: str,
        key_secret: str,
        sign_name: str,
        template: str,
        names: Sequence[str],
    ) -> None:
        self.name, self.limits = name, limits
        self._http, self._clock, self._url = http, clock, url
        self._key_id, self._key_secret = key_id, key_secret
        self._sign_name, self._template, self._names = sign_name, template, tuple(names)

    async def send(self, letter: Letter) -> Receipt:
        parameters = self._parameters(letter)
        parameters["Signature"] = signature("POST", parameters, self._key_secret)
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = await self._http.post(self._url, urlencode(parameters).encode(), headers=headers)
        if isinstance(answer, Receipt):
            return answer
        body = answer.body
        return self._http.receipt(CODES, answer, body.get("Code"), body.get("Message"), body.get("BizId"))

    async def close(self) -> None:
        await self._http.close()

    def _parameters(self, letter: Letter) -> dict[str, str]:
        values = dict(zip(self._names, template_values(letter, self._names), strict=True))
        return {
            "AccessKeyId": self._key_id,
            "Action": "SendSms",
            "Format": "JSON",
            "OutId": letter.id,
            "PhoneNumbers": letter.address,
            "RegionId": "cn-hangzhou",
            "SignName": self._sign_name,
            "SignatureMethod": "HMAC-SHA1",
            "SignatureNonce": uuid.uuid4().hex,
            "SignatureVersion": "1.0",
            "TemplateCode": self._template,
            "TemplateParam": json.dumps(values, ensure_ascii=False),
            "Timestamp": f"{datetime.fromtimestamp(self._clock.now() / 1000, UTC):%Y-%m-%dT%H:%M:%SZ}",
            "Version": "2017-05-25",
        }


def _encoded(text: str) -> str:
    """RFC 3986: only letters, digits and ``-_.~`` stay."""
    return quote(text, safe="~")
