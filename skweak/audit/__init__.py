"""A report on somebody's labels."""

from skweak.audit.label_audit import audit_labels
from skweak.audit.report import LabelAudit

__all__ = ["LabelAudit", "audit_labels"]
