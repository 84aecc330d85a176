"""Where the belief in every candidate of every training row starts."""


def start_confidence(run):
    """Set ``run.state.confidence`` (n, C) to equal shares over the candidates; a warm start keeps its own."""
    if "confidence" not in vars(run.state):
        candidates = run.data.target.to(run.dtype)
        run.state.confidence = candidates / candidates.sum(1, keepdim=True)
    run.check_rows(run.state.confidence)
