"""A report on somebody's labels."""

from skweak.audit.report import LabelAudit, audit_labels

__all__ = ["LabelAudit", "audit_labels"]
