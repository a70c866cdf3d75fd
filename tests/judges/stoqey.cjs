// Drives @stoqey/ib through everything it has and prints, as JSON, what it decoded.
// Arguments: folder of the installed package, host, port, and "advisor" for an advisor's login.
"use strict";

const [folder, host, port, login] = process.argv.slice(2);
const { IBApi, ScanCode } = require(require.resolve("@stoqey/ib", { paths: [folder] }));

const PATIENCE_MS = 8000;
const api = new IBApi({ host, port: Number(port), maxReqPerSec: 500 });
const calls = [];
const called = new Set();
const WITHOUT_MESSAGES = ["constructor", "serverVersion", "isConnected", "disableUseV100Plus", "connect", "disconnect"];
const methods = Object.getOwnPropertyNames(IBApi.prototype).filter((name) => !WITHOUT_MESSAGES.includes(name));
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

// an error is (Error, code, request id); every other event with an id has it first
const isEnd = (names, id, [name, ...args]) => {
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
  ["reqHeadTimestamp", [AMD, "TRADES", true, 1], ["headTimestamp"], "cancelHeadTimestamp"],
  ["reqHistogramData", [AMD, true, 3, "DAY"], ["histogramData"], "cancelHistogramData"],
  ["reqHistoricalData", [AMD, "", "2 D", "1 hour", "TRADES", 1, 1, false], ["historicalData"]],
  ["reqHistoricalTicks", [AMD, DAY, "", 20, "TRADES", true, true], ["historicalTicksLast"]],
  ["reqHistoricalTicks", [AMD, DAY, "", 20, "BID_ASK", true, true], ["historicalTicksBidAsk"]],
  ["reqHistoricalTicks", [AMD, DAY, "", 20, "MIDPOINT", true, true], ["historicalTicks"]],
  ["reqExecutions", [{}], ["execDetailsEnd"]],
  ["reqHistoricalNews", [4391, "BRFG", "", "", 5], ["historicalNewsEnd"]],
  ["reqFundamentalData", [AMD, "ReportSnapshot"], ["fundamentalData"], "cancelFundamentalData"],
  ["reqWshMetaData", [], ["wshMetaData"], "reqCancelWshMetaData"],
  ["reqWshEventData", [4391], ["wshEventData"], "reqCancelWshEventData"],
  ["queryDisplayGroups", [], ["displayGroupList"]],
  ["subscribeToGroupEvents", [1], ["displayGroupUpdated"]],
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
  ["reqIds", [], ["nextValidId"]],
  ["reqAutoOpenOrders", [true], ["orderBound"]], // the bench enters an order by hand then
  ["setServerLogLevel", [2], []],
  ["reqMarketDataType", [1], []],
  ["reqNewsBulletins", [true], ["updateNewsBulletin"]],
  ["cancelNewsBulletins", [], []],
];

const unanswered = [];
const ask = async (method, args, names, id, from = calls.length) => {
  called.add(method);
  api[method](...args);
  if (names.length && !(await until(() => heard(names, id, from)))) unanswered.push(`${method} ${names}`);
};
const said = (name, from = 0) => calls.slice(from).filter(([called]) => called === name);
let nextId = 9000;

// a call on AAPL: its price, its volatility, and what becomes of it
async function options(orderId) {
  const id = (nextId += 10);
  await ask("reqSecDefOptParams", [id, "AAPL", "", "STK", 265598], ["securityDefinitionOptionParameterEnd"], id);
  const [, , , , , , expirations, strikes] = said("securityDefinitionOptionParameter").at(-1);
  const strike = strikes[Math.floor(strikes.length / 2)];
  const dates = { lastTradeDateOrContractMonth: expirations[3], right: "C", strike };
  const call = { symbol: "AAPL", secType: "OPT", exchange: "SMART", currency: "USD", ...dates };
  await ask("calculateOptionPrice", [id + 1, call, 0.4, strike], ["tickOptionComputation"], id + 1);
  const priced = said("tickOptionComputation").find(([, row]) => row === id + 1);
  await ask("calculateImpliedVolatility", [id + 2, call, priced[6], strike], ["tickOptionComputation"], id + 2);
  await ask("cancelCalculateOptionPrice", [id + 1], []);
  await ask("cancelCalculateImpliedVolatility", [id + 2], []);
  await ask("placeOrder", [orderId, call, { ...MARKET, totalQuantity: 1 }], ["commissionReport"]);
  const from = calls.length;
  await ask("exerciseOptions", [orderId + 1, call, 1, 1, ACCOUNT, 1], ["commissionReport"]);
  await until(() => said("execDetails", from).some(([, , contract]) => contract.secType === "STK"));
  return { strike, solved: id + 2 };
}

async function everything() {
  const first = said("nextValidId")[0][1];
  await ask("placeOrder", [first, AMD, MARKET], ["commissionReport"]);
  await ask("placeOrder", [first + 1, AMD, LIMIT], ["orderStatus"], first + 1);
  for (const [method, args, names, cancel, rest] of WITH_ID) {
    nextId += 1;
    await ask(method, [nextId, ...args], names, nextId);
    if (cancel) await ask(cancel, [nextId, ...(rest || [])], []);
    if (method === "subscribeToGroupEvents") {
      await ask("updateDisplayGroup", [nextId, "4391@SMART"], ["displayGroupUpdated"], nextId);
      await ask("unsubscribeFromGroupEvents", [nextId], []);
    }
    if (method === "reqHistoricalNews") {
      const [, , , provider, article] = said("historicalNews")[0];
      await ask("reqNewsArticle", [(nextId += 1), provider, article], ["newsArticle"], nextId);
    }
  }
  for (const [method, args, names] of WITHOUT_ID) await ask(method, args, names);
  const option = await options(first + 2);
  await ask("cancelOrder", [first + 1], ["error"], first + 1);
  await ask("placeOrder", [first + 4, AMD, LIMIT], ["orderStatus"], first + 4);
  await ask("reqGlobalCancel", [], ["error"], first + 4);
  await ask("reqPositions", [], ["positionEnd"]);
  await ask("reqAccountUpdates", [true, ACCOUNT], ["accountDownloadEnd"]);
  await ask("reqCompletedOrders", [false], ["completedOrdersEnd"]);
  return option;
}

async function advice() {
  await ask("requestFA", [1], ["receiveFA"]);
  const name = /<name>(\w+)<\/name>/.exec(said("receiveFA")[0][2])[1];
  const xml = said("receiveFA")[0][2].replace(`<name>${name}</name>`, "<name>mine</name>");
  await ask("replaceFA", [(nextId += 1), 1, xml], ["replaceFAEnd"], nextId);
  await ask("requestFA", [1], ["receiveFA"]);
  await ask("reqSoftDollarTiers", [(nextId += 1)], ["softDollarTiers"], nextId);
}

async function main() {
  api.connect(0); // client 0 is given what is entered by hand
  await until(() => heard(["nextValidId"]));
  const option = login === "advisor" ? await advice() : await everything();
  const serverVersion = api.serverVersion;
  api.disconnect();
  const plain = (_, value) =>
    value instanceof Map ? [...value] : value instanceof Error ? value.message : typeof value === "bigint" ? Number(value) : value;
  const report = { serverVersion, unanswered, methods, called: [...called], option, calls };
  process.stdout.write(JSON.stringify(report, plain));
}

main();
