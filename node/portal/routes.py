"""The addresses of the portal. Routes only translate: the questions are in wizard.py, the cases in node.cases."""

from dataclasses import replace
from typing import Final

from flask import Blueprint, Response, make_response, render_template, request
from flask_babel import gettext as _
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import NotFound

from keys.errors import KeysError, ReceiptCodeError
from node.cases import attachments, intake, tracking
from node.cases.views import CaseError, Filed, NoSuchCaseError, SetBackError, StaleFormError
from node.portal import options, receipts, wizard
from node.portal.draft import Draft, Envelope
from node.reference import regions, topics
from node.web import current, errors, words
from node.web.downloads import send
from node.web.forms import load_known, refuse_other_sites, single_values
from protocol.errors import ProtocolError

portal: Final = Blueprint("portal", __name__, template_folder="templates")
_MAX_TYPED_CODE: Final = 100


@portal.get("/")
def home() -> str:
    """Show the two ways in, and what is promised."""
    return render_template("portal/home.html")


@portal.get("/lapor")
def begin() -> str:
    """Serve a fresh form at its first question."""
    form = intake.blank_form(current.node(), current.now())
    return _show(wizard.Turn(wizard.FIRST, Draft().on(form), {}))


@portal.post("/lapor")
def answer() -> Response:
    """Take the answer of a page; the last one stores the report."""
    refuse_other_sites(request)
    values = load_known(Envelope(), single_values(request))
    draft = Draft.of(values)
    if not draft.form_id:
        draft = draft.on(intake.blank_form(current.node(), current.now()))
    asked_for = values["goto"]
    if asked_for in wizard.PAGES:
        return make_response(_show(wizard.Turn(asked_for, draft, {}), values))
    if values["step"] in {"", "send"}:
        return _send(draft)
    if values["step"] not in wizard.PAGES:
        return errors.page(400)
    limit = current.node().settings.max_text_chars
    turn = wizard.take(values["step"], draft, values, limit)
    if turn.page == "review":
        return _review(turn.draft)
    return make_response(_show(turn, values), 422 if turn.errors else 200)


def _review(draft: Draft) -> Response:
    told = wizard.check(draft, current.node().settings.max_text_chars)
    if told:
        return _mend(draft, told)
    return make_response(_show(wizard.Turn("review", draft, {})))


def _send(draft: Draft) -> Response:
    told = wizard.check(draft, current.node().settings.max_text_chars)
    if told:
        return _mend(draft, told)
    node, now = current.node(), current.now()
    try:
        with node.database.transaction() as session:
            filed = intake.file_complaint(session, node, draft.form, draft.complaint, draft.identity, now)
    except (StaleFormError, ReceiptCodeError):
        fresh = draft.on(intake.blank_form(node, now))
        return make_response(_show(wizard.Turn("review", fresh, {}), trouble="stale"), 409)
    except (CaseError, KeysError, ProtocolError, SQLAlchemyError, OSError) as error:
        errors.log(error)
        return make_response(_show(wizard.Turn("review", draft, {}), trouble="not_stored"), 503)
    return _receipt(filed)


def _receipt(filed: Filed) -> Response:
    # No redirect: the code would have to be kept somewhere in between. A reload sends the same form again, which
    # gives the same number.
    return make_response(
        render_template(
            "portal/receipt.html",
            filed=filed,
            groups=receipts.groups(filed.receipt),
            square=receipts.qr_svg(filed.receipt),
            verify_by=receipts.verify_by(filed.filed_at),
        )
    )


def _mend(draft: Draft, told: dict[str, str]) -> Response:
    # A place or a topic that we do not know was not typed by a person: it is blanked and asked again.
    clean = replace(
        draft, region="" if "region" in told else draft.region, topic="" if "topic" in told else draft.topic
    )
    return make_response(_show(wizard.Turn("mend", clean, told)), 422)


def _show(turn: wizard.Turn, values: dict[str, str] | None = None, trouble: str = "") -> str:
    return render_template(
        f"portal/lapor/{turn.page}.html",
        turn=turn,
        draft=turn.draft,
        errors=turn.errors,
        trouble=trouble,
        review=bool(values and values["review"]) or turn.page == "mend",
        searched=turn.searched or (values or {}).get("region_q", ""),
        questions=wizard.QUESTIONS,
        page=wizard.PAGES.get(turn.page),
        kinds=options.of_words(words.KINDS),
        secrecies=options.of_words(words.SECRECIES),
        places=options.of_places,
        subjects=options.of_topics,
        provinces=regions.provinces() if turn.page == "place" else (),
        categories=topics.categories() if turn.page == "topic" else (),
    )


@portal.get("/lacak")
def ask_code() -> str:
    """Ask for a receipt code."""
    return render_template("portal/lacak.html", typed="", errors={})


@portal.post("/lacak")
def track() -> Response:
    """Show the case of a receipt code. The code comes in the body: an address would be kept in histories and logs."""
    refuse_other_sites(request)
    typed = single_values(request).get("receipt", "")[:_MAX_TYPED_CODE]
    node, now = current.node(), current.now()
    try:
        with node.database.reading() as session:
            view = tracking.track(session, node, typed, now)
    except ReceiptCodeError:
        told = _("Kode ini tidak lengkap atau ada huruf yang keliru. Cocokkan lagi dengan tanda terima Anda.")
    except SetBackError as error:
        return make_response(
            render_template("portal/set_back.html", told=error.told, contact=node.settings.contact), 404
        )
    except NoSuchCaseError:
        told = _("Tidak ada laporan dengan kode ini di sini. Kode hanya berlaku di situs tempat Anda melapor.")
    else:
        stage = words.stage_of(view.state)
        return make_response(render_template("portal/tracking.html", view=view, stage=stage, receipt=typed))
    return make_response(render_template("portal/lacak.html", typed=typed, errors={"receipt": told}), 422)


@portal.post("/lacak/lampiran")
def own_attachment() -> Response:
    """Give back a file that the reporter attached, opened with the receipt code."""
    refuse_other_sites(request)
    values, node = single_values(request), current.node()
    typed = values.get("receipt", "")[:_MAX_TYPED_CODE]
    try:
        with node.database.reading() as session:
            return send(attachments.of_receipt(session, node, typed, values.get("id", "")))
    except ReceiptCodeError:
        raise NotFound from None
