// Drives @stoqey/ib through everything it has and prints, as JSON, what it decoded.
// Arguments: folder of the installed package, host, port.
"use strict";

const [folder, host, port] = process.argv.slice(2);
const { IBApi, ScanCode } = require(require.resolve("@stoqey/ib", { paths: [folder] }));

const PATIENCE_MS = 8000;
const api = new IBApi({ host, port: Number(port), maxReqPerSec: 500 });
const calls = [];
const waiting = new Set();
const told = api.emit.bind(api);
api.emit = (name, ...args) => {
  if (!["all", "result", "received", "sent"].includes(name)) {
    calls.push([name, ...args]);
    for (const look of [...waiting]) look();
  }
  return told(name, ...args);
};
api.on("error", () => {});

const until = (condition) =>
  new Promise((resolve) => {
    const done = (result) => {
      clearTimeout(timer);
      waiting.delete(look);
      resolve(result);
    };
    const look = () => condition() && done(true);
    const timer = setTimeout(() => done(false), PATIENCE_MS);
    waiting.add(look);
    look();
  });

// an error is (Error, code, request id), without a request id it becomes an "info" (text, code);
// every other event with an id has it first
const REFUSED = [320, 321, 322, 327];
const isEnd = (names, id, [name, ...args]) => {
  if (name === "info") return names.includes("error") && REFUSED.includes(args[1]);
  if (!names.includes(name)) return false;
  return id === undefined || String(args[name === "error" ? 2 : 0]) === String(id);
};
const heard = (names, id, from) => calls.slice(from).some((call) => isEnd(names, id, call));

const stock = (symbol, conId) => ({ symbol, conId, secType: "STK", exchange: "SMART", currency: "USD" });
const AMD = stock("AMD", 4391);
const ACCOUNT = "DU1000001";
const DAY = "20260410 15:00:00 US/Eastern";
const SCAN = { instrument: "STK", locationCode: "STK.US.MAJOR", scanCode: ScanCode.MOST_ACTIVE, numberOfRows: 3 };
const LIMIT = { action: "BUY", totalQuantity: 5, orderType: "LMT", lmtPrice: 10, account: ACCOUNT, transmit: true };
const MARKET = { action: "BUY", totalQuantity: 5, orderType: "MKT", account: ACCOUNT, transmit: true };

const WITH_ID = [
  // method, arguments behind the id, what ends it, and, of a stream, what cancels it
  ["reqContractDetails", [AMD], ["contractDetailsEnd"]],
  ["reqContractDetails", [{ symbol: "ES", secType: "FUT", exchange: "CME", currency: "USD" }], ["contractDetailsEnd"]],
  ["reqMatchingSymbols", ["AMD"], ["symbolSamples"]],
  ["reqSecDefOptParams", ["AAPL", "", "STK", 265598], ["securityDefinitionOptionParameterEnd"]],
  ["reqSmartComponents", ["9c0001"], ["smartComponents"]],
  ["reqSoftDollarTiers", [], ["softDollarTiers"]],
  ["reqUserInfo", [], ["userInfo"]],
  ["reqHeadTimestamp", [AMD, "TRADES", true, 1], ["headTimestamp"]],
  ["reqHistogramData", [AMD, true, 3, "DAY"], ["histogramData"]],
  ["reqHistoricalData", [AMD, "", "2 D", "1 hour", "TRADES", 1, 1, false], ["historicalData"]],
  ["reqHistoricalTicks", [AMD, DAY, "", 20, "TRADES", true, true], ["historicalTicksLast"]],
  ["reqHistoricalTicks", [AMD, DAY, "", 20, "BID_ASK", true, true], ["historicalTicksBidAsk"]],
  ["reqHistoricalTicks", [AMD, DAY, "", 20, "MIDPOINT", true, true], ["historicalTicks"]],
  ["reqExecutions", [{}], ["execDetailsEnd"]],
  ["reqHistoricalNews", [4391, "BRFG", "", "", 5], ["historicalNewsEnd", "error"]],
  ["reqNewsArticle", ["BRFG", "BRFG$0"], ["newsArticle", "error"]],
  ["reqFundamentalData", [AMD, "ReportSnapshot"], ["fundamentalData", "error"]],
  ["reqWshMetaData", [], ["wshMetaData", "error"]],
  ["queryDisplayGroups", [], ["displayGroupList", "error"]],
  ["reqMktData", [AMD, "233,236", false, false], ["tickPrice"], "cancelMktData"],
  ["reqMktDepth", [AMD, 5, false], ["updateMktDepth"], "cancelMktDepth", [false]],
  ["reqMktDepth", [AMD, 5, true], ["updateMktDepthL2"], "cancelMktDepth", [true]],
  ["reqRealTimeBars", [AMD, 5, "TRADES", false], ["realtimeBar"], "cancelRealTimeBars"],
  ["reqTickByTickData", [AMD, "Last", 0, false], ["tickByTickAllLast"], "cancelTickByTickData"],
  ["reqTickByTickData", [stock("SPY", 756733), "BidAsk", 0, false], ["tickByTickBidAsk"], "cancelTickByTickData"],
  ["reqTickByTickData", [stock("MSFT", 272093), "MidPoint", 0, false], ["tickByTickMidPoint"], "cancelTickByTickData"],
  ["reqHistoricalData", [AMD, "", "600 S", "5 secs", "TRADES", 0, 1, true], ["historicalDataUpdate"], "cancelHistoricalData"],
  ["reqScannerSubscription", [SCAN], ["scannerDataEnd"], "cancelScannerSubscription"],
  ["reqAccountSummary", ["All", "NetLiquidation,$LEDGER:ALL"], ["accountSummaryEnd"], "cancelAccountSummary"],
  ["reqPositionsMulti", [ACCOUNT, ""], ["positionMultiEnd"], "cancelPositionsMulti"],
  ["reqAccountUpdatesMulti", [ACCOUNT, "", false], ["accountUpdateMultiEnd"], "cancelAccountUpdatesMulti"],
  ["reqPnL", [ACCOUNT, ""], ["pnl"], "cancelPnL"],
  ["reqPnLSingle", [ACCOUNT, "", 4391], ["pnlSingle"], "cancelPnLSingle"],
];
const WITHOUT_ID = [
  ["reqCurrentTime", [], ["currentTime"]],
  ["reqManagedAccts", [], ["managedAccounts"]],
  ["reqFamilyCodes", [], ["familyCodes"]],
  ["reqMktDepthExchanges", [], ["mktDepthExchanges"]],
  ["reqNewsProviders", [], ["newsProviders"]],
  ["reqScannerParameters", [], ["scannerParameters"]],
  ["reqMarketRule", [26], ["marketRule"]],
  ["reqOpenOrders", [], ["openOrderEnd"]],
  ["reqAllOpenOrders", [], ["openOrderEnd"]],
  ["reqCompletedOrders", [false], ["completedOrdersEnd"]],
  ["reqPositions", [], ["positionEnd"]],
  ["cancelPositions", [], []],
  ["reqAccountUpdates", [true, ACCOUNT], ["accountDownloadEnd"]],
  ["reqAccountUpdates", [false, ACCOUNT], []],
  ["requestFA", [1], ["receiveFA", "error"]],
  ["reqAutoOpenOrders", [true], ["error"]],
  ["setServerLogLevel", [2], []],
  ["reqMarketDataType", [1], []],
  ["reqNewsBulletins", [true], []],
  ["cancelNewsBulletins", [], []],
];

async function main() {
  const unanswered = [];
  const ask = async (method, args, names, id, from = calls.length) => {
    api[method](...args);
    if (names.length && !(await until(() => heard(names, id, from)))) unanswered.push(`${method} ${names}`);
  };
  api.connect(78);
  await until(() => heard(["nextValidId"]));
  const first = calls.find(([name]) => name === "nextValidId")[1];
  await ask("placeOrder", [first, AMD, MARKET], ["commissionReport"]);
  await ask("placeOrder", [first + 1, AMD, LIMIT], ["orderStatus"], first + 1);
  let id = 9000;
  for (const [method, args, names, cancel, rest] of WITH_ID) {
    id += 1;
    await ask(method, [id, ...args], names, id);
    if (cancel) api[cancel](id, ...(rest || []));
  }
  for (const [method, args, names] of WITHOUT_ID) await ask(method, args, names);
  await ask("cancelOrder", [first + 1], ["error"], first + 1);
  await ask("placeOrder", [first + 2, AMD, LIMIT], ["orderStatus"], first + 2);
  await ask("reqGlobalCancel", [], ["error"], first + 2);
  await ask("reqCompletedOrders", [false], ["completedOrdersEnd"]);
  const serverVersion = api.serverVersion;
  api.disconnect();
  const plain = (_, value) =>
    value instanceof Map ? [...value] : value instanceof Error ? value.message : typeof value === "bigint" ? Number(value) : value;
  process.stdout.write(JSON.stringify({ serverVersion, unanswered, calls }, plain));
}

main();
