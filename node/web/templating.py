"""What every template may call: names, dates and the node's own face."""

from flask import Flask

from node.web import alarm_words, current, custody_words, i18n, words


def install(app: Flask) -> None:
    """Give the templates their words; the node's settings are read per request."""
    app.jinja_env.globals.update(
        day=i18n.day,
        moment=i18n.moment,
        short_moment=i18n.short,
        iso=i18n.iso,
        until=i18n.until,
        language=i18n.language,
        languages=i18n.LANGUAGES,
        kind_name=words.kind_name,
        secrecy_name=words.secrecy_name,
        custody_name=custody_words.custody_name,
        custody_sentence=custody_words.custody_sentence,
        custody_horizon=custody_words.custody_horizon,
        reporter_sentence=custody_words.reporter_sentence,
        reporter_horizon=custody_words.reporter_horizon,
        alarm_sentence=alarm_words.alarm_sentence,
        trouble_sentence=alarm_words.trouble_sentence,
        role_name=words.role_name,
        state_name=words.state_name,
        step_name=words.step_name,
        state_shape=words.state_shape,
        state_sentence=words.state_sentence,
        stage_of=words.stage_of,
        stages=words.STAGES,
        topic_name=words.topic_name,
        region_name=words.region_name,
    )
    app.context_processor(_face)


def _face() -> dict[str, object]:
    return {"settings": current.node().settings, "now": current.now()}
