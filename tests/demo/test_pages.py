"""Pages are read as a browser reads them."""

import pytest

from demo.pages import PageError, read_page

PAGE = """<!doctype html><html><body><h1>Judul <b>besar</b></h1>
<form method="post" action="/lapor?x=1"><input type="hidden" name="token" value="a&amp;b">
<input type="radio" name="kind" value="one"><input type="radio" name="kind" value="two" checked>
<input type="checkbox" name="confirm" value="ya">
<select name="to"><option value="">-</option><option value="b" selected>B</option></select>
<select name="from"><option value="x">X</option><option>Y</option></select>
<textarea name="text">
 dua\r\nbaris &lt;b&gt;
</textarea>
<button class="main" type="submit" name="step" value="send">Kirim</button><button class="second">Batal</button></form>
<p class="typed own-text">a\r\n  b &amp; c</p><div class="problem"><p>Belum   tersimpan</p></div></body></html>"""


def test_a_form_holds_what_a_browser_would_send_untouched() -> None:
    form = read_page(PAGE).form("/lapor")
    assert form.action == "/lapor?x=1"
    assert form.values == {"token": "a&b", "kind": "two", "to": "b", "from": "x", "text": " dua\r\nbaris <b>\n"}
    assert form.names == {"token", "kind", "confirm", "to", "from", "text"}
    assert form.choices("kind") == ["one", "two"]
    assert form.choices("to") == ["", "b"]
    assert form.button("main") == {"step": "send"}
    assert form.button("second") == {}


def test_text_is_given_exactly_and_words_are_folded() -> None:
    page = read_page(PAGE)
    assert page.heading == "Judul besar"
    assert page.first("p", "own-text").text == "a\r\n  b & c"
    assert page.problem == "Belum tersimpan"


def test_what_is_not_there_is_an_error_that_names_the_page() -> None:
    page = read_page(PAGE)
    for look in (
        lambda: page.form("/lain"),
        lambda: page.first("table"),
        lambda: page.form("/lapor").button(name="skip"),
    ):
        with pytest.raises(PageError):
            look()
