"""Tencent Cloud's SMS 腾讯云短信: SendSms 2021-01-11, signed with TC3-HMAC-SHA256.

https://cloud.tencent.com/document/product/382/55981 (SendSms and its codes), .../382/52072 (signature v3).
A text goes out through a template approved beforehand; its numbered variables take the letter's ``template`` values in the order
the county gives. Addresses (URLs) are refused in variables, so the link stays out.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from control.messages.channels.aliyun_sms import template_values
from control.messages.channels.http import Codes, Http, json_body
from control.messages.port import Letter, Limits, Outcome, Receipt
from lampwell.clock import Clock

HOST = "sms.tencentcloudapi.com"
"""The signed host is the vendor's, also behind a proxy of the county's own, which passes the request on under that name."""

_BROKEN = (
    "AuthFailure UnauthorizedOperation FailedOperation.SignatureIncorrectOrUnapproved "
    "FailedOperation.TemplateIncorrectOrUnapproved "
    "FailedOperation.TemplateUnapprovedOrNotExist FailedOperation.TemplateParamSetNotMatchApprovedTemplate "
    "FailedOperation.InsufficientBalanceInSmsPackage InvalidParameterValue.SdkAppIdNotExist"
)
_DEAD = (
    "InvalidParameterValue.IncorrectPhoneNumber FailedOperation.PhoneNumberInBlacklist FailedOperation.ContainSensitiveWord "
    "InvalidParameterValue.ContentLengthLimit InvalidParameterValue.TemplateParameterLengthLimit "
    "InvalidParameterValue.ProhibitedUseUrlInTemplateParameter"
)
CODES = Codes(
    vendor="腾讯云短信 Tencent SMS",
    good="Ok",
    outcomes=dict.fromkeys(_BROKEN.split(), Outcome.BROKEN) | dict.fromkeys(_DEAD.split(), Outcome.DEAD),
    pauses={
        "LimitExceeded.PhoneNumberThirtySecondLimit": 30.0,
        "LimitExceeded.PhoneNumberOneHourLimit": 600.0,
        "LimitExceeded.PhoneNumberDailyLimit": 3600.0,
    },
)


def authorization(service: str, headers: Mapping[str, str], body: bytes, timestamp_s: int, key_id: str, key_secret: str) -> str:
    """The Authorization header of a POST to ``/``; ``headers`` (lower case, sorted) are the signed ones."""
    day = f"{datetime.fromtimestamp(timestamp_s, UTC):%Y-%m-%d}"
    scope, names = f"{day}/{service}/tc3_request", ";".join(headers)
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    request = f"POST\n/\n\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
    text = f"TC3-HMAC-SHA256\n{timestamp_s}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = f"TC3{key_secret}".encode()
    for part in (day, service, "tc3_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    mark = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    return f"TC3-HMAC-SHA256 Credential={key_id}/{scope}, SignedHeaders={names}, Signature={mark}"


class TencentSms:
    """One account and application (``app_id``), one signature text (``sign_name``), one template with ``names`` as its values."""

    kind = "tencent-sms"

    def __init__(
        self,
        name: str,
        limits: Limits,
        http: Http,
        clock: Clock,
        *,
        url: str,
        region: str,
        key_id: str,
        key_secret: str,
        app_id: str,
        sign_name: str,
        template: str,
        names: Sequence[str],
    ) -> None:
        self.name, self.limits = name, limits
        self._http, self._clock, self._url, self._region = http, clock, url, region
        self._key_id, self._key_secret = key_id, key_secret
        self._fixed = {"SmsSdkAppId": app_id, "SignName": sign_name, "TemplateId": template}
        self._names = tuple(names)

    async def send(self, letter: Letter) -> Receipt:
        number = letter.address if letter.address.startswith("+") else f"+86{letter.address}"
        values = template_values(letter, self._names)
        body = json_body({**self._fixed, "PhoneNumberSet": [number], "TemplateParamSet": values, "SessionContext": letter.id})
        answer = await self._http.post(self._url, body, headers=self._headers(body))
        if isinstance(answer, Receipt):
            return answer
        status = _status(answer.body)
        return self._http.receipt(CODES, answer, status.get("Code"), status.get("Message"), status.get("SerialNo"))

    async def close(self) -> None:
        await self._http.close()

    def _headers(self, body: bytes) -> dict[str, str]:
        now = self._clock.now() // 1000
        kind = "application/json; charset=utf-8"
        signed = {"content-type": kind, "host": HOST, "x-tc-action": "sendsms"}
        return {
            "Content-Type": kind,
            "X-TC-Action": "SendSms",
            "X-TC-Version": "2021-01-11",
            "X-TC-Region": self._region,
            "X-TC-Timestamp": str(now),
            "Authorization": authorization("sms", signed, body, now, self._key_id, self._key_secret),
        }


def _status(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The error of the whole request, else the state of its one number; {} where there is neither."""
    response = body.get("Response")
    if not isinstance(response, dict):
        return {}
    states = response.get("SendStatusSet")
    found = response.get("Error") or (states[0] if isinstance(states, list) and states else None)
    return found if isinstance(found, dict) else {}
