"""Layouts of the messages that carry an order: placeOrder (3), openOrder (5), completedOrder (101).

Each layout is a table of parts: names of plain fields, parts that are there only sometimes, and
counted groups of rows. The positions are those of the wire table; which part is there at which
version stands next to the part.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from ibproxy_sim.orders.terms import (
    UNSET_DOUBLE_TEXT,
    UNSET_INTEGER_TEXT,
    UNSET_LONG_TEXT,
    number_of,
)

Test = Callable[[Mapping[str, str], int], bool]


@dataclass(frozen=True)
class Names:
    """Plain fields, one after the other."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class If:
    """Parts that are there only if `test(fields so far, server version)` holds."""

    test: Test
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Rows:
    """A count, then that many rows of `width` fields."""

    group: str
    width: int


@dataclass(frozen=True)
class Conditions:
    """A count, that many conditions, and two flags if there is any."""


Part = Names | If | Rows | Conditions
Layout = tuple[Part, ...]


def _names(text: str) -> Names:
    return Names(tuple(text.split()))


def _since(version: int, text: str) -> If:
    return If(lambda _, at: at >= version, (_names(text),))


def _until(version: int, text: str) -> If:
    return If(lambda _, at: at < version, (_names(text),))


def _filled(name: str, *parts: Part) -> If:
    return If(lambda fields, _: bool(fields.get(name)), parts)


def _one_of(name: str, values: frozenset[str], *parts: Part) -> If:
    return If(lambda fields, _: fields.get(name) in values, parts)


def _is_scaled(fields: Mapping[str, str], _: int) -> bool:
    return (number_of(fields.get("scale_price_increment", "")) or 0) > 0


_PEG_BENCH = frozenset({"PEG BENCH", "PEGBENCH"})
_PEG_BEST = frozenset({"PEG BEST", "PEGBEST"})
_PEG_MID = frozenset({"PEG MID", "PEGMID"})

_DELTA_NEUTRAL = _names(
    "delta_neutral_con_id delta_neutral_settling_firm delta_neutral_clearing_account"
    " delta_neutral_clearing_intent delta_neutral_open_close delta_neutral_short_sale"
    " delta_neutral_short_sale_slot delta_neutral_designated_location"
)
_SCALE = If(
    _is_scaled,
    (
        _names(
            "scale_price_adjust_value scale_price_adjust_interval scale_profit_offset"
            " scale_auto_reset scale_init_position scale_init_fill_qty scale_random_percent"
        ),
    ),
)
_HEDGE = (_names("hedge_type"), _filled("hedge_type", _names("hedge_param")))
_DELTA_NEUTRAL_CONTRACT = (
    _names("has_delta_neutral_contract"),
    _one_of(
        "has_delta_neutral_contract",
        frozenset({"1"}),
        _names("underlying_con_id underlying_delta underlying_price"),
    ),
)
_ALGO = (_names("algo_strategy"), _filled("algo_strategy", Rows("algo_params", 2)))
_BENCHMARK = _one_of(
    "order_type",
    _PEG_BENCH,
    _names(
        "reference_contract_id is_pegged_change_amount_decrease pegged_change_amount"
        " reference_change_amount reference_exchange_id"
    ),
)
_COMBO = (Rows("combo_legs", 8), Rows("leg_prices", 1), Rows("routing_params", 2))
_MID_OFFSETS = _names("mid_offset_at_whole mid_offset_at_half")
_PEG_TAIL = _since(
    170,
    "min_trade_qty min_compete_size compete_against_best_offset"
    " mid_offset_at_whole mid_offset_at_half",
)

PLACE_ORDER: Final[Layout] = (
    _names(
        "con_id symbol sec_type expiry strike right multiplier exchange primary_exchange currency"
        " local_symbol trading_class sec_id_type sec_id action total_quantity order_type lmt_price"
        " aux_price tif oca_group account open_close origin order_ref transmit parent_id"
        " block_order sweep_to_fill display_size trigger_method outside_rth hidden"
    ),
    _one_of("sec_type", frozenset({"BAG"}), *_COMBO),
    _names(
        "shares_allocation discretionary_amt good_after_time good_till_date fa_group fa_method"
        " fa_percentage"
    ),
    _until(177, "fa_profile"),
    _names(
        "model_code short_sale_slot designated_location exempt_code oca_type rule_80a"
        " settling_firm all_or_none min_qty percent_offset e_trade_only firm_quote_only"
        " nbbo_price_cap auction_strategy starting_price stock_ref_price delta stock_range_lower"
        " stock_range_upper override_percentage_constraints volatility volatility_type"
        " delta_neutral_order_type delta_neutral_aux_price"
    ),
    _filled("delta_neutral_order_type", _DELTA_NEUTRAL),
    _names(
        "continuous_update reference_price_type trail_stop_price trailing_percent"
        " scale_init_level_size scale_subs_level_size scale_price_increment"
    ),
    _SCALE,
    _names("scale_table active_start_time active_stop_time"),
    *_HEDGE,
    _names("opt_out_smart_routing clearing_account clearing_intent not_held"),
    *_DELTA_NEUTRAL_CONTRACT,
    *_ALGO,
    _names("algo_id what_if misc_options solicited randomize_size randomize_price"),
    _BENCHMARK,
    Conditions(),
    _names(
        "adjusted_order_type trigger_price lmt_price_offset adjusted_stop_price"
        " adjusted_stop_limit_price adjusted_trailing_amount adjustable_trailing_unit ext_operator"
        " soft_dollar_tier_name soft_dollar_tier_value cash_qty mifid2_decision_maker"
        " mifid2_decision_algo mifid2_execution_trader mifid2_execution_algo"
        " dont_use_auto_price_for_hedge is_oms_container discretionary_up_to_limit_price"
        " use_price_mgmt_algo"
    ),
    _since(158, "duration"),
    _since(160, "post_to_ats"),
    _since(162, "auto_cancel_parent"),
    _since(166, "advanced_error_override"),
    _since(169, "manual_order_time"),
    If(
        lambda _, at: at >= 170,  # noqa: PLR2004 - a server version, as those above
        (
            _one_of("exchange", frozenset({"IBKRATS"}), _names("min_trade_qty")),
            _one_of(
                "order_type",
                _PEG_BEST,
                _names("min_compete_size compete_against_best_offset"),
                _one_of(
                    "compete_against_best_offset",
                    frozenset({"Infinite", "Infinity", "inf"}),
                    _MID_OFFSETS,
                ),
            ),
            _one_of("order_type", _PEG_MID, _MID_OFFSETS),
        ),
    ),
)
"""The request, from the contract on."""

_ORDER_START = (
    "con_id symbol sec_type expiry strike right multiplier exchange currency local_symbol"
    " trading_class action total_quantity order_type lmt_price aux_price tif oca_group account"
    " open_close origin order_ref"
)

OPEN_ORDER: Final[Layout] = (
    _names(f"order_id {_ORDER_START} client_id perm_id outside_rth hidden discretionary_amt"),
    _names("good_after_time shares_allocation fa_group fa_method fa_percentage"),
    _until(177, "fa_profile"),
    _names(
        "model_code good_till_date rule_80a percent_offset settling_firm short_sale_slot"
        " designated_location exempt_code auction_strategy starting_price stock_ref_price delta"
        " stock_range_lower stock_range_upper display_size block_order sweep_to_fill all_or_none"
        " min_qty oca_type e_trade_only firm_quote_only nbbo_price_cap parent_id trigger_method"
        " volatility volatility_type delta_neutral_order_type delta_neutral_aux_price"
    ),
    _filled("delta_neutral_order_type", _DELTA_NEUTRAL),
    _names(
        "continuous_update reference_price_type trail_stop_price trailing_percent basis_points"
        " basis_points_type combo_legs_description"
    ),
    *_COMBO,
    _names("scale_init_level_size scale_subs_level_size scale_price_increment"),
    _SCALE,
    *_HEDGE,
    _names("opt_out_smart_routing clearing_account clearing_intent not_held"),
    *_DELTA_NEUTRAL_CONTRACT,
    *_ALGO,
    _names(
        "solicited what_if status init_margin_before maint_margin_before equity_with_loan_before"
        " init_margin_change maint_margin_change equity_with_loan_change init_margin_after"
        " maint_margin_after equity_with_loan_after commission min_commission max_commission"
        " commission_currency warning_text randomize_size randomize_price"
    ),
    _BENCHMARK,
    Conditions(),
    _names(
        "adjusted_order_type trigger_price trail_stop_price lmt_price_offset adjusted_stop_price"
        " adjusted_stop_limit_price adjusted_trailing_amount adjustable_trailing_unit"
        " soft_dollar_tier_name soft_dollar_tier_value soft_dollar_tier_display_name cash_qty"
        " dont_use_auto_price_for_hedge is_oms_container discretionary_up_to_limit_price"
        " use_price_mgmt_algo"
    ),
    _since(158, "duration"),
    _since(160, "post_to_ats"),
    _since(162, "auto_cancel_parent"),
    _PEG_TAIL,
)
"""openOrder, from the order id on."""

COMPLETED_ORDER: Final[Layout] = (
    _names(f"{_ORDER_START} perm_id outside_rth hidden discretionary_amt good_after_time"),
    _names("fa_group fa_method fa_percentage"),
    _until(177, "fa_profile"),
    _names(
        "model_code good_till_date rule_80a percent_offset settling_firm short_sale_slot"
        " designated_location exempt_code starting_price stock_ref_price delta stock_range_lower"
        " stock_range_upper display_size sweep_to_fill all_or_none min_qty oca_type"
        " trigger_method volatility volatility_type delta_neutral_order_type"
        " delta_neutral_aux_price"
    ),
    _filled(
        "delta_neutral_order_type",
        _names(
            "delta_neutral_con_id delta_neutral_short_sale delta_neutral_short_sale_slot"
            " delta_neutral_designated_location"
        ),
    ),
    _names(
        "continuous_update reference_price_type trail_stop_price trailing_percent"
        " combo_legs_description"
    ),
    *_COMBO,
    _names("scale_init_level_size scale_subs_level_size scale_price_increment"),
    _SCALE,
    *_HEDGE,
    _names("clearing_account clearing_intent not_held"),
    *_DELTA_NEUTRAL_CONTRACT,
    *_ALGO,
    _names("solicited status randomize_size randomize_price"),
    _BENCHMARK,
    Conditions(),
    _names(
        "trail_stop_price lmt_price_offset cash_qty dont_use_auto_price_for_hedge"
        " is_oms_container auto_cancel_date filled_quantity ref_futures_con_id auto_cancel_parent"
        " shareholder imbalance_only route_marketable_to_bbo parent_perm_id completed_time"
        " completed_status"
    ),
    _PEG_TAIL,
)
"""completedOrder, from the contract on."""

_ZEROS = (
    "strike lmt_price aux_price origin outside_rth hidden discretionary_amt short_sale_slot"
    " auction_strategy stock_range_lower block_order sweep_to_fill all_or_none e_trade_only"
    " firm_quote_only parent_id trigger_method volatility_type delta_neutral_con_id"
    " delta_neutral_short_sale delta_neutral_short_sale_slot continuous_update"
    " reference_price_type opt_out_smart_routing not_held has_delta_neutral_contract solicited"
    " what_if randomize_size randomize_price adjustable_trailing_unit cash_qty is_oms_container"
    " discretionary_up_to_limit_price auto_cancel_parent imbalance_only"
    " route_marketable_to_bbo ref_futures_con_id filled_quantity"
)
_UNSET_DOUBLES = (
    "init_margin_before maint_margin_before equity_with_loan_before init_margin_change"
    " maint_margin_change equity_with_loan_change init_margin_after maint_margin_after"
    " equity_with_loan_after trigger_price trail_stop_price lmt_price_offset adjusted_stop_price"
    " adjusted_stop_limit_price adjusted_trailing_amount"
)
FILLED_IN: Final[Mapping[str, str]] = {
    **dict.fromkeys(_ZEROS.split(), "0"),
    **dict.fromkeys(_UNSET_DOUBLES.split(), UNSET_DOUBLE_TEXT),
    "lmt_price": "0.0",
    "aux_price": "0.0",
    "tif": "DAY",
    "right": "?",
    "exempt_code": "-1",
    "oca_type": "3",
    "min_qty": UNSET_INTEGER_TEXT,
    "scale_init_level_size": UNSET_INTEGER_TEXT,
    "scale_subs_level_size": UNSET_INTEGER_TEXT,
    "delta_neutral_order_type": "None",
    "delta_neutral_open_close": "?",
    "adjusted_order_type": "None",
    "clearing_intent": "IB",
    "dont_use_auto_price_for_hedge": "1",
    "use_price_mgmt_algo": "1",
    "shareholder": "Not an insider or substantial shareholder",
    "parent_perm_id": UNSET_LONG_TEXT,
}
"""What the gateway writes into fields that the client left empty (fact 3.66, wire table 3)."""
