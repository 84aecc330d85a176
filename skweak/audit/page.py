"""The page of an audit: one file, no scripts, readable on a phone."""

import base64
from html import escape

STYLE = """
body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;padding:0 1rem 2rem;max-width:60rem;color:#222;background:#fff}
h1{font-size:1.5rem}h2{font-size:1.2rem;margin-top:2rem}
.scroll{overflow-x:auto}table{border-collapse:collapse;font-size:.9rem}
th,td{padding:.25rem .6rem;text-align:left;border-bottom:1px solid #ddd;overflow-wrap:break-word;max-width:16rem}
td.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}img{max-width:100%;height:auto}
.big{font-size:2rem;margin:.5rem 0 0}small{color:#555}
"""


def page(audit):
    """Return the whole page as text."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Audit of labels</title><style>{STYLE}</style></head>"
        f"<body>{body(audit, _pictures(audit))}</body></html>\n"
    )


def body(audit, pictures=(), n_suspects=200):
    """Return what stands on the page; every name and label is escaped."""
    low, high = audit.interval
    parts = [
        "<h1>Audit of labels</h1>",
        f'<p class="big"><b>{audit.noise_share:.1%}</b></p><p>of the labels are estimated to be wrong, '
        f"between {low:.1%} and {high:.1%}.<br><small>{audit.n_rows} rows, {len(audit.classes)} classes, "
        f"{len(audit.issues)} suspects, {audit.n_trusted} verified rows.</small></p>",
        "<h2>What to do next</h2>", _list(audit.next_steps, "ol"),
        *pictures,
        "<h2>Suspects</h2>", _first(audit.issues, n_suspects),
        "<h2>By given class</h2>", _first(audit.by_class.sort_values("wrong", ascending=False).reset_index(), 60),
        "<h2>Taken for each other</h2>", _first(audit.pairs(), 30),
        "<h2>Nearly equal rows, different labels</h2>", _first(audit.near_duplicates, 30),
        "<h2>Classes too rare to judge</h2>",
        f"<p>{escape(', '.join(map(str, audit.rare_classes))) or 'None.'}</p>",
        "<h2>Expected accuracy</h2>", _list(f"{name}: {value:.1%}" for name, value in audit.accuracy.items()),
        "<p><small>Of the judging model on true labels, trained on the labels given.</small></p>",
        "<h2>What was assumed</h2>",
        _list([*audit.notes, "Noise does not depend on how hard a row is; the interval cannot tell if that holds."]),
    ]  # fmt: skip
    return "\n".join(parts)


def _list(sentences, tag="ul"):
    return f"<{tag}>" + "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences) + f"</{tag}>"


def _first(frame, most):
    """Return the first lines of a table, and how many are left out."""
    if not len(frame):
        return "<p>None.</p>"
    head = "".join(f"<th>{escape(str(name))}</th>" for name in frame.columns)
    shares = {"quality", "wrong", "low", "high", "share"}
    lines = []
    for values in frame.head(most).itertuples(index=False, name=None):
        lines.append("".join(_cell(value, name in shares) for name, value in zip(frame.columns, values, strict=True)))
    rows = "".join(f"<tr>{line}</tr>" for line in lines)
    more = f"<p><small>and {len(frame) - most} more</small></p>" if len(frame) > most else ""
    return f'<div class="scroll"><table><tr>{head}</tr>{rows}</table></div>{more}'


def _cell(value, is_share):
    if isinstance(value, float):
        text = "–" if value != value else f"{value:.1%}" if is_share else f"{value:.4g}"
        return f'<td class="n">{text}</td>'
    return f"<td>{escape(str(value))}</td>"


def _pictures(audit):
    """Return the pictures as image elements, or a line about what they need."""
    try:
        from skweak.plots.label_audit import audit_pictures

        found = audit_pictures(audit)
    except ImportError:
        return ["<p><small>Pictures need the extra: pip install 'skweak-learn[plots]'.</small></p>"]
    return [
        f'<p><img alt="{escape(title)}" src="data:image/png;base64,{base64.b64encode(png).decode()}"></p>'
        for title, png in found.items()
    ]
