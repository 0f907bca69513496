"""How well the knowledge base finds, and when it keeps silent: `python -m bench.retrieval` (FULL=1: the large sizes).

Each figure stands beside its bar. Everything runs through the product's own code: articles are published by RPC,
indexed by the consumer, searched by private.search_own_chunks as the functions do. Reads ../shared/data (or
$PGDESK_DATA). Draws the risk-coverage curves into bench/out/.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import numpy as np
from chalicelib.kit.retrieval import confidence

from bench import retrieval_scale
from bench.fit_gate import Floats, draws, fit_on, judge
from bench.knowledge_base import (
    DATA,
    Asked,
    Base,
    Connection,
    Vectors,
    ask_without,
    desk,
    half,
    other_domains,
    publish,
    stackfaq,
    xquad,
)

OUT = Path(__file__).with_name("out")
FULL = os.environ.get("FULL") == "1"
# Articles are split into a calibration and a test half in this many ways; figures are means over them.
SPLITS = 6 if FULL else 3
DRAWS = 4 if FULL else 2
Z_ONE_SIDED = 1.2816  # 90 %

_missed: list[str] = []


def report(what: str, measured: float, bar: float | None, digits: int = 4) -> None:
    """One line: what, measured, the bar and whether it is met."""
    verdict = ""
    if bar is not None:
        verdict = f"bar {bar:.{digits}g}  {'ok' if measured >= bar else 'MISSED'}"
        if measured < bar:
            _missed.append(what)
    print(f"{what:<66} {measured:>8.{digits}f}  {verdict}", flush=True)


# Finding


def recall(base: Base, bars: tuple[float, float | None]) -> None:
    """R@1 and R@5 by article, all articles present, asked as the functions ask."""
    ranks, milliseconds = [], []
    for question, article in base.of.questions:
        started = time.perf_counter()
        passages = base.ask(question)
        milliseconds.append((time.perf_counter() - started) * 1000)
        found = list(dict.fromkeys(passage.article_id for passage in passages))
        wanted = base.article_ids[article]
        ranks.append(found.index(wanted) if wanted in found else len(found) + 1000)
    for k, bar in zip((1, 5), bars, strict=True):
        report(f"{base.of.name} R@{k} ({len(ranks)} questions)", sum(rank < k for rank in ranks) / len(ranks), bar)
    print(f"  embedding and search: {median(milliseconds):.1f} ms median, {np.percentile(milliseconds, 95):.1f} ms p95")


# Answer or escalate


def auroc(confidences: Floats, right: Floats) -> float:
    """Probability that a right answer has more confidence than a wrong one; ties count half."""
    order = np.argsort(confidences)
    _, first, count = np.unique(confidences[order], return_index=True, return_counts=True)
    ranks = np.empty(len(order))
    ranks[order] = np.repeat(first + (count + 1) / 2, count)
    positive = right.sum()
    return float((ranks[right > 0].sum() - positive * (positive + 1) / 2) / (positive * (len(right) - positive)))


def cautious_threshold(confidences: Floats, asked: Sequence[Asked], target: float) -> float:
    """The least threshold above which, by a lower confidence bound, `target` of the answers sent are right.

    Questions about one article are not independent, so the bound counts articles: the share of right answers is taken
    for each article's questions, and Wilson's one-sided 90 % bound is computed as if each article were one trial. Where
    no threshold satisfies it, the one with the best bound.
    """
    right = np.array([float(one.right) for one in asked])
    articles = np.array([one.article for one in asked])
    best, best_bound = 1.0, -1.0
    for threshold in np.unique(confidences)[::-1]:
        sent = confidences >= threshold
        trials = len(np.unique(articles[sent]))
        bound = wilson(float(right[sent].mean()), trials)
        if bound >= target:
            best, best_bound = float(threshold), 2.0
        elif best_bound < bound and best_bound <= 1:
            best, best_bound = float(threshold), bound
    return best


def wilson(share: float, trials: int, z: float = Z_ONE_SIDED) -> float:
    """Lower end of Wilson's interval for a share seen in so many trials."""
    centre = share + z * z / (2 * trials)
    spread = z * (share * (1 - share) / trials + z * z / (4 * trials * trials)) ** 0.5
    return float((centre - spread) / (1 + z * z / trials))


def answer_or_escalate(judged: dict[str, list[Asked]], bases: dict[str, Base], bars: dict[str, float]) -> None:
    """Half of the articles removed; coefficients and threshold from one half of the articles, judged on the other."""
    figures: dict[str, dict[str, list[float]]] = {name: {} for name in bars}
    curves: dict[str, tuple[Floats, Floats]] = {}
    for seed in range(SPLITS):
        calibration = {name: half(bases[name], 1000 + seed) for name in bars}
        taught = [one for name in bars for one in judged[name] if one.article in calibration[name]]
        coefficients = fit_on(taught)
        for name in bars:
            known = [one for one in judged[name] if one.article in calibration[name]]
            tested = [one for one in judged[name] if one.article not in calibration[name]]
            right = np.array([float(one.right) for one in tested])
            sure = judge(coefficients, tested)
            sent = sure >= cautious_threshold(judge(coefficients, known), known, 0.95)
            kept = figures[name]
            kept.setdefault("auroc", []).append(auroc(sure, right))
            kept.setdefault("precision", []).append(float(right[sent].mean()))
            kept.setdefault("coverage", []).append(float(right[sent].sum() / right.sum()))
            kept.setdefault("ece", []).append(calibration_error(sure, right))
            shipped = np.array([confidence(one.passages) for one in tested])
            kept.setdefault("shipped", []).append(auroc(shipped, right))
            kept.setdefault("at 0.7", []).append(float(right[shipped >= 0.7].mean()))
            curves[name] = (sure, right)
    for name, bar in bars.items():
        mean = {key: sum(values) / len(values) for key, values in figures[name].items()}
        report(f"{name} answer or escalate, AUROC (articles not fitted on)", mean["auroc"], bar)
        report("  right among answers sent, threshold meant for 95 %", mean["precision"], 0.93)
        report("  share of the answerable that is sent there", mean["coverage"], None)
        report("  expected calibration error", mean["ece"], None)
        report("  AUROC of the shipped gate.json", mean["shipped"], bar)
        report("  right among answers sent at the default threshold 0.7", mean["at 0.7"], None)
    draw_risk_coverage(curves)


def calibration_error(confidences: Floats, right: Floats) -> float:
    """Expected calibration error over ten bins of equal width."""
    bins = np.minimum((confidences * 10).astype(int), 9)
    return float(
        sum(
            abs(confidences[bins == at].mean() - right[bins == at].mean()) * (bins == at).mean()
            for at in range(10)
            if (bins == at).any()
        )
    )


def draw_risk_coverage(curves: dict[str, tuple[Floats, Floats]]) -> None:
    """Risk (wrong among those answered) against coverage (answered among those asked), into bench/out."""
    try:
        import matplotlib as mpl
    except ImportError:
        print("  risk-coverage curve: skipped, matplotlib is not installed")
        return
    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 4))
    for name, (sure, right) in curves.items():
        best_first = right[np.argsort(-sure)]
        answered = np.arange(1, len(best_first) + 1)
        risk = 1 - np.cumsum(best_first) / answered
        axes.plot(answered / len(best_first), risk, label=f"{name} (AURC {risk.mean():.3f})")
    axes.axhline(0.05, color="grey", linewidth=0.8, linestyle="--")
    axes.set(xlabel="coverage: share of questions answered", ylabel="risk: share of answers that are wrong")
    axes.set_title("Half of the articles removed; judged on articles not fitted on")
    axes.legend()
    OUT.mkdir(exist_ok=True)
    figure.tight_layout()
    for kind in ("svg", "png"):
        figure.savefig(OUT / f"risk_coverage.{kind}")
    print(f"  risk-coverage curve: {OUT.relative_to(Path.cwd()) if OUT.is_relative_to(Path.cwd()) else OUT}")


def abstain(connection: Connection, base: Base, vectors: Vectors) -> None:
    """Questions of other domains, at the threshold that keeps 90 % of the answerable ones."""
    others = other_domains(1000 if FULL else 300)
    asked = ask_without(connection, base, set(), [*base.of.questions, *((text, -1) for text in others)], vectors)
    sure = np.array([confidence(one.passages) for one in asked])
    foreign = np.array([one.article < 0 for one in asked])
    abstained, kept = [], []
    for seed in range(SPLITS):
        calibration = half(base, 1000 + seed)
        ours = np.array([one.article in calibration for one in asked])
        theirs = np.array([one.article >= 0 and one.article not in calibration for one in asked])
        right = np.array([one.right for one in asked])
        threshold = float(np.quantile(sure[ours & right], 0.1))
        # Every second foreign question was seen when gate.json was made: the others judge.
        unseen = np.flatnonzero(foreign)[1::2]
        abstained.append(float((sure[unseen] < threshold).mean()))
        kept.append(float((sure[theirs & right] >= threshold).mean()))
    report(f"other domains against {base.of.name}, abstained", sum(abstained) / len(abstained), 0.99)
    report("  share of the answerable that is kept there", sum(kept) / len(kept), None)


def main() -> int:
    if not (DATA / "stackfaq" / "faq.json").exists():
        print(f"skipped: data not present ({DATA})")
        return 0
    vectors = Vectors()
    with desk() as connection:
        bases = {source.name: publish(connection, source) for source in (stackfaq(), xquad("en"), xquad("de"))}
        recall(bases["StackFAQ"], (0.94, 0.99))
        recall(bases["XQuAD-en"], (0.94, 0.99))
        recall(bases["XQuAD-de"], (0.88, None))
        bars = {"StackFAQ": 0.95, "XQuAD-en": 0.97}
        judged = {name: draws(connection, bases[name], vectors, DRAWS) for name in bars}
        answer_or_escalate(judged, bases, bars)
        abstain(connection, bases["StackFAQ"], vectors)
        for what, measured, bar in retrieval_scale.run(connection, list(bases.values())[:2], full=FULL):
            report(what, measured, bar)
    if _missed:
        print(f"{len(_missed)} bars missed: {'; '.join(what.strip() for what in _missed)}")
    return 1 if _missed else 0


if __name__ == "__main__":
    sys.exit(main())
