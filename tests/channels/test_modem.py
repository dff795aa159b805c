"""The SMS modem, over a pseudo terminal: a modem that behaves, and all the ways in which modems do not."""

from __future__ import annotations

import asyncio
import os

import pytest

from control.messages.channels.modem import Modem
from control.messages.port import Letter, Limits, Outcome, Receipt

from .conftest import LETTER, letter
from .gsm import GsmModem, gsm_modem

TEXT = f"{LETTER.title}\n{LETTER.text}\n{LETTER.link}"


async def send(modem: GsmModem, what: Letter = LETTER, timeout_s: float = 5.0) -> Receipt:
    channel = Modem("sms", Limits(text_chars=268), path=modem.path, baud=115200, timeout_s=timeout_s)
    return await channel.send(what)


async def test_chinese_arrives_as_it_was() -> None:
    """Protects the whole way: text to UCS2 to the air and back, with the network's reference of each part."""
    with gsm_modem() as modem:
        receipt = await send(modem)
        assert modem.phone.read(LETTER.address) == [TEXT]
    assert receipt == Receipt(outcome=Outcome.SENT, code="OK", provider_id="1,2")


async def test_a_long_text_arrives_in_one_piece() -> None:
    """Protects concatenation, cut at the channel's 268 characters, and the references of all its parts."""
    with gsm_modem() as modem:
        receipt = await send(modem, letter(text="积水深度" * 100))
        (text,) = modem.phone.read(LETTER.address)
    assert (receipt.outcome, receipt.provider_id) == (Outcome.SENT, "1,2,3,4")
    assert len(text) == 268
    assert text.startswith(LETTER.title)
    assert text.endswith(LETTER.link)


async def test_two_letters_at_once_take_turns() -> None:
    """Protects the one port: the second letter waits for the first."""
    with gsm_modem() as modem:
        channel = Modem("sms", Limits(), path=modem.path, baud=115200, timeout_s=5.0)
        receipts = await asyncio.gather(*(channel.send(letter(id=f"d{n}", text=f"第{n}条")) for n in range(3)))
        assert len(modem.phone.read(LETTER.address)) == 3
    assert {receipt.outcome for receipt in receipts} == {Outcome.SENT}


@pytest.mark.parametrize(
    "noise",
    [
        b"\xff\xfe\x00garbage\x80\r\n",
        b'\r\nRING\r\n\r\n+CMTI: "SM",3\r\n',
        b"\r\n^RSSI: 17\r\n\r\n+CREG: 1\r\n",
        b"\r\n\x00\x00\r\n",
    ],
)
async def test_a_modem_that_talks_between(noise: bytes) -> None:
    """Protects from taking for an answer what a modem says unasked."""
    with gsm_modem() as modem:
        modem.noise = noise
        receipt = await send(modem)
        assert (receipt.outcome, modem.phone.read(LETTER.address)) == (Outcome.SENT, [TEXT])


async def test_a_slow_prompt() -> None:
    """Protects a modem that takes its time to ask for the text."""
    with gsm_modem() as modem:
        modem.prompt_after = 60
        assert (await send(modem)).outcome is Outcome.SENT


async def test_no_prompt_leaves_nothing_behind() -> None:
    """Protects the next command: an open prompt is left by ESC, and nothing was handed over."""
    with gsm_modem() as modem:
        modem.prompts = False
        first = await send(modem, timeout_s=0.3)
        modem.prompts = True
        second = await send(modem)
        assert modem.phone.read(LETTER.address) == [TEXT]
    assert (first.outcome, first.code, second.outcome) == (Outcome.RETRY, "timeout", Outcome.SENT)
    assert "ESC" in modem.heard


async def test_a_prompt_left_open_by_others_is_closed() -> None:
    """Protects from sending our commands as somebody's text."""
    with gsm_modem() as modem:
        modem._in_text, modem._echo = True, False
        assert (await send(modem)).outcome is Outcome.SENT
        assert modem.heard[0] == "ESC"


async def test_no_answer_at_all_is_tried_again() -> None:
    """Protects the retry: a modem that is off took nothing."""
    with gsm_modem() as modem:
        modem.silent = True
        receipt = await send(modem, timeout_s=0.2)
    assert (receipt.outcome, receipt.code) == (Outcome.RETRY, "timeout")


async def test_no_answer_to_the_text_is_unknown() -> None:
    """Protects from a silent double: the modem had the text."""
    with gsm_modem() as modem:
        modem.results = ["nothing"]
        receipt = await send(modem, timeout_s=0.4)
    assert (receipt.outcome, receipt.code) == (Outcome.UNKNOWN, "timeout")


@pytest.mark.parametrize(
    ("command", "answer", "outcome", "code"),
    [
        ("AT+CPIN?", "+CME ERROR: 10", Outcome.BROKEN, "CME 10"),
        ("AT+CPIN?", "ERROR", Outcome.BROKEN, "ERROR"),
        ("AT+CPIN?", "+CPIN: SIM PIN\nOK", Outcome.BROKEN, "SIM"),
        ("AT+CPIN?", "+CME ERROR: 14", Outcome.RETRY, "CME 14"),
        ("AT+CREG?", "+CREG: 0,2", Outcome.RETRY, "timeout"),
        ("AT+CREG?", "+CREG: 0,2\nOK", Outcome.RETRY, "CREG"),
        ("AT+CREG?", "+CREG: 0,3\nOK", Outcome.BROKEN, "CREG 3"),
        ("AT+CREG?", "ERROR", Outcome.RETRY, "CREG"),
        ("AT+CMGF=0", "ERROR", Outcome.RETRY, "ERROR"),
        ("AT+CMGS", "+CMS ERROR: 304", Outcome.DEAD, "CMS 304"),
        ("AT+CMGS", "+CMS ERROR: 310", Outcome.BROKEN, "CMS 310"),
        ("AT+CMGS", "+CMS ERROR: what", Outcome.RETRY, "CMS -1"),
    ],
)
async def test_a_modem_that_refuses(command: str, answer: str, outcome: Outcome, code: str) -> None:
    """Protects the line between wait, give up and mend: no SIM, a locked one, no network, a bad unit."""
    with gsm_modem() as modem:
        modem.answers[command] = answer
        receipt = await send(modem, timeout_s=0.5)
    assert (receipt.outcome, receipt.code) == (outcome, code)
    assert receipt.reason


@pytest.mark.parametrize(
    ("number", "outcome"),
    [
        (1, Outcome.DEAD),
        (21, Outcome.DEAD),
        (38, Outcome.RETRY),
        (42, Outcome.RETRY),
        (50, Outcome.BROKEN),
        (330, Outcome.BROKEN),
        (332, Outcome.UNKNOWN),
        (500, Outcome.RETRY),
    ],
)
async def test_a_network_that_refuses(number: int, outcome: Outcome) -> None:
    """Protects the meaning of the network's causes (TS 24.011 annex E, TS 27.005 3.2.5)."""
    with gsm_modem() as modem:
        modem.results = [f"+CMS ERROR: {number}"]
        receipt = await send(modem)
    assert (receipt.outcome, receipt.code) == (outcome, f"CMS {number}")


async def test_an_answer_too_many_is_not_the_next_one_s() -> None:
    """Protects from being one answer behind: an OK left over does not cover the refusal that follows."""
    with gsm_modem() as modem:
        modem.answers = {"ATE0": "OK\nOK\nOK", "AT+CPIN?": "+CPIN: READY\nOK\nOK", "AT+CMGF=0": "ERROR"}
        assert (await send(modem)).code == "ERROR"


async def test_a_4g_network_alone_is_enough() -> None:
    """Protects 4G modems, which are on no 2G network."""
    with gsm_modem() as modem:
        modem.answers = {"AT+CREG?": "+CREG: 0,0\nOK", "AT+CEREG?": "+CEREG: 0,1\nOK", "AT+CMEE=1": "ERROR"}
        assert (await send(modem)).outcome is Outcome.SENT


async def test_a_repeat_completes_what_was_sent_in_part() -> None:
    """Protects the phone from a torn message: the repeat's parts carry the same number and fit to the first ones."""
    with gsm_modem() as modem:
        modem.results = ["", "+CMS ERROR: 42"]
        long = letter(text="积水" * 100)
        first, second = await send(modem, long), await send(modem, long)
        assert (len(modem.phone.read(LETTER.address)), modem.phone.torn()) == (1, 0)
    assert (first.outcome, second.outcome) == (Outcome.RETRY, Outcome.SENT)


async def test_a_port_that_is_not_there_and_one_that_goes() -> None:
    """Protects from waiting for a modem that was pulled out."""
    gone = await Modem("sms", Limits(), path="/dev/no-such-modem", baud=9600, timeout_s=1.0).send(LETTER)
    with gsm_modem() as modem:
        modem.silent = True
        loop = asyncio.get_running_loop()
        loop.remove_reader(modem._fd)
        loop.call_later(0.05, os.close, modem._fd)
        pulled = await send(modem)
    assert (gone.outcome, gone.code) == (Outcome.BROKEN, "port")
    assert (pulled.outcome, pulled.code) == (Outcome.RETRY, "port")


async def test_no_phone_number_is_refused_before_the_port() -> None:
    """Protects the modem's time from an address that is none."""
    receipt = await Modem("sms", Limits(), path="/dev/no-such-modem", baud=9600, timeout_s=1.0).send(letter(address="a@b.cn"))
    assert receipt.outcome is Outcome.DEAD
