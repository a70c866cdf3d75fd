"""Broken gateways: each breaks one assumption, and its check must fail, and no other."""

from __future__ import annotations

from dataclasses import dataclass

from tests.verify import misbehaviour as bad
from tests.verify.breaking import (
    Break,
    afterwards,
    errors,
    field,
    greeted,
    ignored,
    instead,
    lost,
    messages,
    offer,
    only_in,
    other_code,
    other_id,
    other_text,
    request,
    started,
)
from tests.verify.scenes import (
    Scene,
    closed,
    idle,
    preset,
    read_only,
    single,
    traded,
    usual,
    waking,
)


@dataclass(frozen=True)
class Fault:
    """One way to be broken.

    Attributes:
        name: what is wrong.
        break_it: makes it so.
        check: the check that must say so.
        scene: the gateway that is broken.
        blinds: checks that cannot be made because of it, beside those that its scene lacks.
    """

    name: str
    break_it: Break
    check: str
    scene: Scene = usual
    blinds: frozenset[str] = frozenset()


ORDER_LAYOUT = "orders_are_laid_out_as_the_table_says"
LAYOUTS = frozenset({"details_are_laid_out_as_the_table_says", ORDER_LAYOUT})
"""What needs a client of the lowest version."""

TWO_CLIENTS = LAYOUTS | frozenset({
    "highest_common_version", "malformed_ids_are_320", "orders_outlive_their_client",
    "slot_is_gateway_wide", "same_account_is_shared", "ids_only_rise", "ids_are_each_clients_own",
    "next_id_is_kept", "own_orders_come_to_their_client", "open_orders_are_the_clients_own",
    "all_open_orders_end_alike", "oca_names_are_account_wide",
})  # fmt: skip
"""What needs a second client to be let in."""

SLOT = frozenset({
    "second_account_replaces_the_first", "replacement_is_2100_or_silent", "slot_is_gateway_wide",
    "same_account_is_shared", "unsubscribing_is_confirmed",
})  # fmt: skip
"""What needs an image of an account."""

FAULTS = (
    # the handshake and the start
    Fault("answers more than was offered", offer(b"..176", b"..177"), "range_is_understood"),
    Fault("greets with a third field", messages(176, bad.one_more), "greeting_has_two_fields"),
    Fault("answers less than it knows", bad.modest, "highest_common_version", blinds=LAYOUTS),
    Fault("speaks before startApi", greeted(bad.early_notice), "nothing_before_start_api"),
    Fault("lets nobody else in", bad.only_ours, "start_api_is_answered", blinds=TWO_CLIENTS),
    Fault("states the next id first", started(bad.id_first), "accounts_then_next_id"),
    Fault("says 2104 under an id", other_id(2104, 7), "farm_notices_name_their_farm"),
    Fault("names no farm", other_text(2106, "OK"), "farm_notices_name_their_farm"),
    Fault("says 2107 under an id", other_id(2107, 7), "idle_farms_are_behind_a_dot", idle),
    Fault("names no idle farm", other_text(2107, "idle"), "idle_farms_are_behind_a_dot", idle),
    Fault("says 2119 under an id", other_id(2119, 7), "later_farm_notices_are_alike", waking),
    Fault("has no 326", other_code(326), "client_id_in_use"),
    Fault("keeps who has 326", bad.keeps_the_second, "client_id_in_use"),
    Fault("cuts long ids", field(77, 1, 7, only_if=bad.MOST_INT), "ids_up_to_31_bits"),
    Fault("loses long ids", request("79", bad.long_id_is_lost), "ids_up_to_31_bits"),
    Fault("is read-only by another code", other_code(321, "Read-Only"), "read_only_is_known",
          read_only),
    Fault("has no 320", other_code(320), "malformed_ids_are_320"),
    Fault("lets orders die with their client", bad.orders_die, "orders_outlive_their_client"),
    # accounts
    Fault("refuses a second account", request("6", bad.no_second_account),
          "second_account_replaces_the_first",
          blinds=frozenset({"replacement_is_2100_or_silent"})),
    Fault("says another code of it", bad.announced_wrongly, "replacement_is_2100_or_silent"),
    Fault("has a slot for each client", bad.slot_for_each_client, "slot_is_gateway_wide"),
    Fault("has no 2101", other_code(2101), "slot_is_gateway_wide"),
    Fault("says 2101 under an id", other_id(2101, 7), "slot_is_gateway_wide"),
    Fault("shares no account", request("6", bad.no_second_client), "same_account_is_shared"),
    Fault("has no 54", lost(54), "image_ends_with_54", blinds=SLOT),
    Fault("mixes the keys", field(6, 2, "ZZ", only_if="AccountCode"), "image_ends_with_54"),
    Fault("gives no time of a row", lost(8), "image_ends_with_54", traded),
    Fault("has no 321 for accounts", other_code(321, "account code"), "no_code_is_refused"),
    Fault("says that under an id", other_id(321, 7, "account code"), "no_code_is_refused"),
    Fault("needs the only code", request("6", bad.code_is_needed), "only_account_is_taken", single),
    Fault("says 2100 under an id", other_id(2100, 7), "unsubscribing_is_confirmed"),
    Fault("updates one by id", request("76", bad.one_account_by_id), "several_accounts_at_once"),
    Fault("serves one of two", field(73, 3, "DU1000001"), "several_accounts_at_once"),
    Fault("keeps a summary", bad.summaries_are_kept, "replaced_summary_lives"),
    Fault("loses a summary", bad.summaries_are_lost, "replaced_summary_lives"),
    Fault("has no ledgers", request("62", bad.no_ledgers), "ledger_rows_are_of_all"),
    Fault("has values of All", messages(63, bad.values_of_all), "ledger_rows_are_of_all"),
    Fault("has ledgers by account", field(63, 3, "DU1000001"), "ledger_rows_are_of_all"),
    Fault("has no 62", lost(62), "positions_end"),
    Fault("has positions once", bad.positions_once, "positions_end", traded),
    Fault("has no 10185", other_code(10185), "pnl_comes_by_request"),
    # order ids
    Fault("has no 103", other_code(103), "ids_only_rise"),
    Fault("counts requests", bad.requests_are_counted, "request_ids_use_up_no_order_ids"),
    Fault("has one sequence", request("8", bad.one_sequence), "ids_are_each_clients_own"),
    Fault("forgets ids", bad.ids_are_forgotten, "next_id_is_kept"),
    Fault("takes no changes", request("3", bad.no_changes), "same_id_is_a_change"),
    Fault("doubles changes", request("3", bad.changes_are_doubled), "same_id_is_a_change"),
    Fault("loses changes", request("3", bad.changes_come_to_nothing), "same_id_is_a_change"),
    Fault("has no 104", other_code(104), "done_ids_are_refused"),
    Fault("says 10147 under no id", other_id(10147, -1), "order_errors_have_the_order_id"),
    Fault("has no permId", only_in({"5"}, field(5, 25, 0)), "perm_id_is_stated",
          blinds=frozenset({"cancelled_orders_are_completed", ORDER_LAYOUT})),
    Fault("has another orderRef", only_in({"5"}, field(5, 23, "x")), "reference_returns"),
    Fault("has another's client id", only_in({"5"}, field(5, 24, 7)), "perm_id_is_stated"),
    # orders
    Fault("tells nobody", bad.told_nothing, "own_orders_come_to_their_client"),
    Fault("tells everybody", bad.told_to_all, "own_orders_come_to_their_client"),
    Fault("lists everybody's", instead("5", "16"), "open_orders_are_the_clients_own"),
    Fault("lists nobody else's", instead("16", "5"), "all_open_orders_end_alike",
          blinds=frozenset({ORDER_LAYOUT})),
    Fault("lists the status first", request("5", bad.status_first), "open_orders_are_pairs"),
    Fault("has no 327", other_code(327), "auto_open_is_for_client_0"),
    Fault("has no 202", other_code(202), "cancel_ends_with_202"),
    Fault("cancels without 3", bad.cancelled_without_status, "cancel_ends_with_202"),
    Fault("loses who was warned", bad.loses("warned_orders_live"), "warned_orders_live", closed),
    Fault("loses preset orders", bad.loses("preset_orders_live"), "preset_orders_live", preset),
    Fault("needs no account", other_code(321, "must specify"), "orders_need_an_account"),
    Fault("lists no completed orders", lost(101), "cancelled_orders_are_completed"),
    Fault("calls all done orders filled", messages(101, bad.all_filled),
          "cancelled_orders_are_completed"),
    Fault("has no 10147", other_code(10147), "cancel_of_unknown_order"),
    Fault("passes over cancels", request("4", bad.unknown_is_passed_over),
          "cancel_of_unknown_order"),
    Fault("has no 10148", other_code(10148), "second_cancel_is_refused"),
    Fault("groups no family", field(5, 19, ""), "bracket_group_is_the_perm_id"),
    Fault("names parents by permId", messages(5, bad.wrong_parent), "parent_id_is_the_order_id"),
    Fault("has no 401", other_code(401), "long_oca_names_are_refused"),
    Fault("has a group for each client", bad.groups_of_one_client, "oca_names_are_account_wide"),
    Fault("loses what is asked of", bad.loses("what_if_leaves_orders_alone"),
          "what_if_leaves_orders_alone"),
    Fault("answers no question", request("3", bad.no_what_if), "what_if_leaves_orders_alone"),
    Fault("loses what is refused", bad.loses("refused_change_leaves_the_order"),
          "refused_change_leaves_the_order"),
    # what is done
    Fault("has no 102", lost(102), "completed_orders_end",
          blinds=frozenset({"cancelled_orders_are_completed"})),
    Fault("has no 55", lost(55), "executions_end"),
    Fault("has live executions", field(11, 1, -1), "executions_end", traded),
    Fault("names no execution", field(59, 2, "x"), "commissions_name_their_execution", traded),
    # data
    Fault("shows who joins nothing", request("1", bad.nothing_joins), "joining_shows_the_present",
          blinds=frozenset({"generic_ticks_are_each_requests_own"})),
    Fault("has no 58", lost(58), "joining_shows_the_present"),
    Fault("takes a live id", request("1", bad.restarts), "live_id_is_refused"),
    Fault("has no 300", other_code(300), "cancel_of_unknown_data"),
    Fault("ends behind 10167", bad.ends_delayed, "delayed_data_goes_on",
          blinds=frozenset({"data_type_is_for_what_follows"})),
    Fault("has no 200", other_code(200), "unknown_contract_is_200"),
    Fault("ends what is unknown", afterwards("9", bad.ends_unknown), "unknown_contract_is_200"),
    Fault("has no old ticks", request("97", bad.no_old_ticks), "ticks_open_with_history"),
    Fault("has no 310", other_code(310), "depth_cancel_repeats_its_kind"),
    Fault("inserts no rows", field(12, 4, 1), "depth_starts_with_inserts"),
    Fault("miscounts a scan", field(20, 3, 99), "scanner_answers"),
    Fault("miscounts bars", field(17, 4, 99), "bars_come_in_one_message"),
    Fault("has no 162", other_code(162), "cancelled_history_is_162"),
    Fault("has no 366", other_code(366), "cancel_of_unknown_history"),
    Fault("changes what runs", afterwards("59", bad.streams_change),
          "data_type_is_for_what_follows"),
    # sharing
    Fault("serves every summary", bad.every_summary, "third_summary_is_refused"),
    Fault("has no 322 for summaries", other_code(322, "summary"), "third_summary_is_refused"),
    Fault("shows everybody's generic ticks", request("1", bad.all_generic_ticks),
          "generic_ticks_are_each_requests_own"),
    Fault("has no mdoff", request("1", bad.no_mdoff), "defaults_can_be_switched_off"),
    Fault("has a shorter past of live bars", request("20", bad.short_past),
          "live_bars_begin_with_the_past"),
    Fault("has live bars like others", messages(90, bad.usual_order),
          "live_bars_begin_with_the_past"),
    Fault("has longer live bars", messages(90, bad.one_more), "live_bars_begin_with_the_past"),
    Fault("has no 2152", errors(lambda _: None, 2152), "smart_depth_names_its_exchanges"),
    # layouts
    Fault("counts lots for older clients", bad.counts_lots,
          "details_are_laid_out_as_the_table_says"),
    Fault("forgets profiles for older clients", bad.forgets_profiles,
          "orders_are_laid_out_as_the_table_says"),
    # without an id
    Fault("answers a data type", afterwards("59", bad.type_is_told), "data_type_has_no_answer"),
    Fault("has old bulletins", request("12", bad.old_bulletins), "bulletins_of_the_day"),
    Fault("has no time", ignored("49"), "time_is_answered"),
    Fault("has two times", afterwards("49", bad.time_again), "time_is_answered"),
    Fault("has no accounts", ignored("17"), "managed_accounts_again"),
    Fault("has no next id", ignored("8"), "next_id_again", blinds=frozenset(
          {"request_ids_use_up_no_order_ids", "ids_are_each_clients_own"})),
    Fault("has no families", ignored("80"), "lists_without_id"),
    Fault("names no unknown rule", other_text(322, "missing", "rule"), "unknown_rule_is_named"),
    Fault("has no rule", lost(93), "rule_names_itself"),
)  # fmt: skip
"""What is broken, how, and what must find it."""
