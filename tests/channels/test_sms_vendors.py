"""Aliyun's and Tencent's SMS: signatures by the vendors' published examples, fields, and what their codes mean."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

import pytest
from aiohttp import web

from control.messages.channels.aliyun_sms import signature
from control.messages.channels.tencent_sms import authorization
from control.messages.port import Outcome
from lampwell.clock import VirtualClock

from .conftest import LETTER, OK, SECRETS, Asked, letter, make, post, vendor_server

CLOCK = VirtualClock(start_ms=1_780_000_200_123)


def test_the_rpc_signature_is_the_published_one() -> None:
    """Protects the signature by Aliyun's own example of SendSms (document 101343)."""
    parameters = {
        "AccessKeyId": "testId",
        "Action": "SendSms",
        "Format": "XML",
        "OutId": "123",
        "PhoneNumbers": "15300000001",
        "RegionId": "cn-hangzhou",
        "SignName": "阿里云短信测试专用",
        "SignatureMethod": "HMAC-SHA1",
        "SignatureNonce": "45e25e9b-0a6f-4070-8c85-2956eda1b466",
        "SignatureVersion": "1.0",
        "TemplateCode": "SMS_71390007",
        "TemplateParam": '{"customer":"test"}',
        "Timestamp": "2017-07-12T02:42:19Z",
        "Version": "2017-05-25",
    }
    assert signature("GET", parameters, "testSecret") == "zJDF+Lrzhj/ThnlvIToysFRq6t4="


def test_the_tc3_signature_is_the_published_one() -> None:
    """Protects the signature by Tencent's own example of DescribeInstances (signature v3)."""
    body = rb'{"Limit": 1, "Filters": [{"Values": ["\u672a\u547d\u540d"], "Name": "instance-name"}]}'
    headers = {"content-type": "application/json; charset=utf-8", "host": "cvm.tencentcloudapi.com"}
    value = authorization(
        "cvm", headers, body, 1551113065, "AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE", "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE"
    )
    assert value == (
        "TC3-HMAC-SHA256 Credential=AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE/2019-02-25/cvm/tc3_request, "
        "SignedHeaders=content-type;host, Signature=72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168"
    )


def _aliyun(asked: Asked) -> web.Response:
    fields = dict(parse_qsl(asked.body.decode(), strict_parsing=True))
    given = fields.pop("Signature")
    if given != signature("POST", fields, SECRETS["key_secret"]):
        return web.json_response({"Code": "SignatureDoesNotMatch", "Message": "Specified signature is not matched"}, status=400)
    return web.json_response(OK["aliyun-sms"])


async def test_aliyun_takes_the_signed_template() -> None:
    """Protects every field of SendSms, Chinese in form encoding, and the values of the template."""
    async with vendor_server(_aliyun) as vendor:
        receipt = await post(make("aliyun-sms", vendor.url, CLOCK))
        other = await post(make("aliyun-sms", vendor.url, CLOCK, {"key_secret": "wrong"}))
    assert (receipt.outcome, receipt.code, receipt.provider_id) == (Outcome.SENT, "OK", "9006^0")
    assert (other.outcome, other.code) == (Outcome.BROKEN, "SignatureDoesNotMatch")
    fields = dict(parse_qsl(vendor.asked[0].body.decode()))
    assert (fields["Action"], fields["Version"], fields["Timestamp"]) == ("SendSms", "2017-05-25", "2026-05-28T20:30:00Z")
    assert (fields["PhoneNumbers"], fields["SignName"], fields["TemplateCode"]) == (LETTER.address, "泰和城管", "SMS_1")
    assert fields["OutId"] == LETTER.id
    assert json.loads(fields["TemplateParam"]) == dict(LETTER.template) | {"number": "-"}
    assert fields["SignatureNonce"] != dict(parse_qsl(vendor.asked[1].body.decode()))["SignatureNonce"]


async def test_a_template_value_is_cut_and_never_empty() -> None:
    """Protects from PARAM_LENGTH_LIMIT; a letter without values, such as the daily test, shows its title."""
    async with vendor_server(_aliyun) as vendor:
        await post(make("aliyun-sms", vendor.url, CLOCK, names=["what", "place"]), letter(template=(("place", "某\n路" * 30),)))
        await post(make("aliyun-sms", vendor.url, CLOCK, names=["what"]), letter(template=()))
    long, bare = (json.loads(dict(parse_qsl(asked.body.decode()))["TemplateParam"]) for asked in vendor.asked)
    assert long["what"] == "-"
    assert (len(long["place"]), long["place"][-1]) == (35, "…")
    assert bare == {"what": LETTER.title}


def _tencent(asked: Asked) -> web.Response:
    headers = {"content-type": asked.headers["Content-Type"], "host": "sms.tencentcloudapi.com", "x-tc-action": "sendsms"}
    stamp = int(asked.headers["X-TC-Timestamp"])
    wanted = authorization("sms", headers, asked.body, stamp, SECRETS["key_id"], SECRETS["key_secret"])
    if asked.headers["Authorization"] != wanted:
        error = {"Code": "AuthFailure.SignatureFailure", "Message": "The provided credentials could not be validated."}
        return web.json_response({"Response": {"Error": error, "RequestId": "ed93f3cb"}})
    return web.json_response(OK["tencent-sms"])


async def test_tencent_takes_the_signed_template() -> None:
    """Protects every field of SendSms and the order of the values."""
    async with vendor_server(_tencent) as vendor:
        receipt = await post(make("tencent-sms", vendor.url, CLOCK))
        other = await post(make("tencent-sms", vendor.url, CLOCK, {"key_secret": "wrong"}))
    assert (receipt.outcome, receipt.code, receipt.provider_id) == (Outcome.SENT, "Ok", "5000:1045")
    assert (other.outcome, other.code) == (Outcome.BROKEN, "AuthFailure.SignatureFailure")
    assert vendor.asked[0].json() == {
        "SmsSdkAppId": "1400006666",
        "SignName": "泰和城管",
        "TemplateId": "SMS_1",
        "PhoneNumberSet": ["+8613800138000"],
        "TemplateParamSet": ["人民路", "积水", "-"],
        "SessionContext": LETTER.id,
    }
    sent = vendor.asked[0].headers
    assert (sent["X-TC-Action"], sent["X-TC-Version"], sent["X-TC-Region"]) == ("SendSms", "2021-01-11", "ap-guangzhou")


@pytest.mark.parametrize(
    ("code", "status", "outcome", "pause"),
    [
        ("isv.BUSINESS_LIMIT_CONTROL", 200, Outcome.RETRY, 60),
        ("isp.SYSTEM_ERROR", 200, Outcome.RETRY, None),
        ("Throttling.User", 400, Outcome.RETRY, 10),
        ("SignatureNonceUsed", 400, Outcome.RETRY, None),
        ("isv.MOBILE_NUMBER_ILLEGAL", 200, Outcome.DEAD, None),
        ("isv.BLACK_KEY_CONTROL_LIMIT", 200, Outcome.DEAD, None),
        ("isv.SMS_TEMPLATE_ILLEGAL", 200, Outcome.BROKEN, None),
        ("isv.SMS_SIGNATURE_ILLEGAL", 200, Outcome.BROKEN, None),
        ("isv.AMOUNT_NOT_ENOUGH", 200, Outcome.BROKEN, None),
        ("isv.OUT_OF_SERVICE", 200, Outcome.BROKEN, None),
        ("InvalidAccessKeyId.NotFound", 404, Outcome.BROKEN, None),
        ("InvalidTimeStamp.Expired", 400, Outcome.BROKEN, None),
        ("isv.SOMETHING_NEW", 200, Outcome.RETRY, None),
        ("ok", 200, Outcome.RETRY, None),
    ],
)
async def test_aliyun_s_codes(code: str, status: int, outcome: Outcome, pause: float | None) -> None:
    """Protects the line between try again, give up this number, and mend the account."""
    async with vendor_server(lambda _: web.json_response({"Code": code, "Message": "words"}, status=status)) as vendor:
        receipt = await post(make("aliyun-sms", vendor.url))
    assert (receipt.outcome, receipt.code, receipt.retry_after_s) == (outcome, code, pause)


@pytest.mark.parametrize(
    ("code", "outcome", "pause"),
    [
        ("LimitExceeded.PhoneNumberDailyLimit", Outcome.RETRY, 3600),
        ("LimitExceeded.PhoneNumberThirtySecondLimit", Outcome.RETRY, 30),
        ("InternalError.Timeout", Outcome.RETRY, None),
        ("RequestLimitExceeded", Outcome.RETRY, None),
        ("InvalidParameterValue.IncorrectPhoneNumber", Outcome.DEAD, None),
        ("FailedOperation.PhoneNumberInBlacklist", Outcome.DEAD, None),
        ("FailedOperation.SignatureIncorrectOrUnapproved", Outcome.BROKEN, None),
        ("FailedOperation.InsufficientBalanceInSmsPackage", Outcome.BROKEN, None),
        ("UnauthorizedOperation.SmsSdkAppIdVerifyFail", Outcome.BROKEN, None),
        ("AuthFailure.SecretIdNotFound", Outcome.BROKEN, None),
    ],
)
@pytest.mark.parametrize("whole", [True, False])
async def test_tencent_s_codes(code: str, outcome: Outcome, pause: float | None, whole: bool) -> None:
    """Protects the same line, whether the whole request was refused or its one number."""
    state = {"Code": code, "Message": "words"}
    response: dict[str, Any] = {"Error": state} if whole else {"SendStatusSet": [state | {"SerialNo": ""}]}
    async with vendor_server(lambda _: web.json_response({"Response": response})) as vendor:
        receipt = await post(make("tencent-sms", vendor.url))
    assert (receipt.outcome, receipt.code, receipt.retry_after_s) == (outcome, code, pause)
