"""Config + plugins + hardware → Plan: names checked, automatic choices made with their reasons, nothing spent."""

from regtrain.plan.choices import NO_EVALUATOR
from regtrain.plan.making import NOT_BUILT, make_plan
from regtrain.plan.names import PlanOptions
from regtrain.plan.paths import config_to_keep

__all__ = ["NOT_BUILT", "NO_EVALUATOR", "PlanOptions", "config_to_keep", "make_plan"]
