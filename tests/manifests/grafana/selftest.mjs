// SPDX-License-Identifier: Apache-2.0
// Breaks a copy of the dashboards, or of the rest, in one way each: [what, how, what must be said].
const panels = (boards) => boards.flatMap((board) => board.panels).flatMap((one) => [one, ...(one.panels ?? [])]);
const panel = (boards, type, asks = /./) => panels(boards)
	.find((one) => one.type === type && one.targets?.some((target) => asks.test(target.query)));
const unitOverride = (boards) => panels(boards).flatMap((one) => one.fieldConfig?.overrides ?? [])
	.flatMap((one) => one.properties).find((one) => one.id === 'unit');
const foldedRow = (boards) => panels(boards).find((one) => one.type === 'row' && one.panels.length);
const target = (boards, type = 'timeseries') => panel(boards, type).targets[0];
const swap = (one, from, to) => {
	if (!one.query.includes(from)) {
		throw new Error(`'${from}' is not in '${one.query}'`);
	}
	one.query = one.query.replace(from, to);
};

export const breaks = [
	['a misspelt field of a panel', (b) => { panel(b, 'stat').descripton = 'x'; }, /descripton/],
	['a misspelt option', (b) => { panel(b, 'stat').options.grafMode = 'none'; }, /grafMode/],
	['an option that is missing', (b) => { delete panel(b, 'bargauge').options.valueMode; }, /valueMode/],
	['a value that the option does not have', (b) => { panel(b, 'piechart').options.pieType = 'cake'; }, /cake/],
	['a misspelt field configuration', (b) => { panel(b, 'timeseries').fieldConfig.defaults.custom.lineWith = 1; }, /lineWith/],
	['a misspelt override', (b) => { panel(b, 'table').fieldConfig.overrides[0].properties[0].id = 'custom.cellOption'; }, /cellOption/],
	['an override of the wrong type', (b) => { panel(b, 'table').fieldConfig.overrides[0].properties.push({ id: 'decimals', value: 'two' }); }, /two/],
	['an unknown kind of panel', (b) => { panel(b, 'table').type = 'tabel'; }, /never/],
	['a misspelt field of a variable', (b) => { b[0].templating.list[1].includeall = true; }, /includeall/],
	['a misspelt field of a dashboard', (b) => { b[0].schemaversion = 42; }, /schemaversion/],
	['panels that overlap', (b) => { panel(b, 'stat').gridPos.w += 1; }, /overlaps/],
	['a panel beyond the last column', (b) => { panel(b, 'timeseries').gridPos.x = 20; }, /not within 24 columns/],
	['a gap', (b) => { panel(b, 'stat').gridPos.w -= 1; }, /gaps/],
	['a gap in a folded row', (b) => { foldedRow(b).panels[0].gridPos.w -= 1; }, /gaps/],
	['panels that overlap in a folded row', (b) => { foldedRow(b).panels.at(-1).gridPos.y = foldedRow(b).panels[0].gridPos.y; foldedRow(b).panels.at(-1).gridPos.x = 0; }, /overlaps/],
	['a folded panel that is misspelt', (b) => { foldedRow(b).panels[0].descripton = 'x'; }, /descripton/],
	['a folded panel that asks for an unknown tag', (b) => { const [t] = foldedRow(b).panels[0].targets; swap(t, '"cluster"', '"clusters"'); }, /"clusters" is no tag/],
	['a row that is folded without panels', (b) => { panels(b).find((one) => one.type === 'row' && !one.panels.length).collapsed = true; }, /neither open nor folded/],
	['a range that cuts the first step', (b) => { b[0].time.from = 'now-30m'; }, /30 whole minutes/],
	['a refresh that is dear', (b) => { b[0].refresh = '10s'; }, /each minute/],
	['steps of 15 s', (b) => { panel(b, 'timeseries').interval = '15s'; }, /another least interval/],
	['a matrix by a label that is not there', (b) => { panels(b).find((one) => one.transformations?.[0].id === 'joinByLabels').transformations[0].options.join[0] = 'zones'; }, /names zones/],
	['an override by a pattern that nothing matches', (b) => { panels(b).flatMap((one) => one.fieldConfig?.overrides ?? []).find((one) => /accepted/.test(one.matcher.options)).matcher.options = '/^acepted, /'; }, /acepted/],
	['an id that stands twice', (b) => { b[0].panels[2].id = b[0].panels[0].id; }, /stands twice/],
	['a uid that stands twice', (b) => { b[0].uid = b[1].uid; }, /stands twice/],
	['a schema that old versions cannot load', (b) => { b[0].schemaVersion = 43; }, /more than 42/],
	['a literal data source of a panel', (b) => { panel(b, 'stat').datasource.uid = 'nstats-influx'; }, /is not the variable/],
	['a literal data source of a query', (b) => { target(b).datasource = { type: 'influxdb', uid: 'x' }; }, /is not the variable/],
	['an unknown tag', (b) => swap(target(b), '"hosts"', '"host"'), /"host" is no tag or field/],
	['an unknown field', (b) => swap(target(b, 'piechart'), '"tx_bytes"', '"tx_byte"'), /"tx_byte" is no tag or field/],
	['a field of another measurement', (b) => { target(b, 'piechart').query = 'SELECT sum("cpu_us") FROM "nstat" WHERE $timeFilter'; }, /"cpu_us" is no tag or field of nstat/],
	['an unknown measurement', (b) => swap(target(b, 'piechart'), '"nstat"', '"nstats"'), /written by nobody/],
	['a name without quotes', (b) => swap(target(b, 'piechart'), '"rx_bytes"', 'rx_bytes'), /rx_bytes is not in the list/],
	['SLIMIT', (b) => { target(b).query += ' SLIMIT 5'; }, /SLIMIT/],
	['INTEGRAL', (b) => { target(b).query = 'SELECT integral("sendRate") FROM "nstat" WHERE $timeFilter'; }, /integral/],
	['a query without a time filter', (b) => swap(target(b, 'piechart'), '$timeFilter AND ', ''), /0 \$timeFilter/],
	['an outer query without a time filter', (b) => { const t = target(b, 'bargauge'); t.query = t.query.replace(/ WHERE \$timeFilter$/, ''); }, /1 \$timeFilter/],
	['an unknown variable in a query', (b) => swap(target(b), '${pod:regex}', '${pods:regex}'), /pods:regex\} is no variable/],
	['a variable in a query without its format', (b) => swap(target(b), '${pod:regex}', '${pod}'), /without :regex/],
	['an unknown macro', (b) => swap(target(b), '$__interval', '$__range'), /filled in by nobody/],
	['a link to nowhere', (b) => { b[0].links[0].url = '/d/nstats-nowhere'; }, /points to no dashboard/],
	['a link with an unknown variable', (b) => { panel(b, 'bargauge').fieldConfig.defaults.links[0].url = '/d/nstats-pod?var-node=x&${__url_time_range}'; }, /has no variable node/],
	['a panel without a unit', (b) => { panel(b, 'stat').fieldConfig.defaults.unit = ''; }, /has the unit ""/],
	['a unit that is not allowed', (b) => { panel(b, 'stat').fieldConfig.defaults.unit = 'Bps'; }, /has the unit "Bps"/],
	['a unit of an override that is not allowed', (b) => { unitOverride(b).value = 'kbytes'; }, /has the unit "kbytes"/],
	['bits shown as bytes', (b) => { panel(b, 'timeseries', /8000/).fieldConfig.defaults.unit = 'decbytes'; }, /makes bps/],
	['bytes shown as bits', (b) => { panel(b, 'piechart').fieldConfig.defaults.unit = 'bps'; }, /makes decbytes/],
	['milliseconds shown as seconds', (b) => { panel(b, 'timeseries', /delivery_ms/).fieldConfig.defaults.unit = 's'; }, /makes ms/],
	['a panel without a description', (b) => { panel(b, 'stat').description = ''; }, /has no description/],
	['an override for a column that is not there', (b) => { panel(b, 'table').fieldConfig.overrides[0].matcher.options = 'Nothing'; }, /which no query of it makes/],
	['a variable that depends on a later one', (b) => { b[0].templating.list.push(b[0].templating.list.splice(1, 1)[0]); }, /not before it/],
	['an alert about an unknown field', (_, f) => swap(f.alerts.groups[0].rules[1].data[0].model, '"captured_bytes"', '"covered"'), /"covered"|is no tag or field/],
	['an alert that points to no panel', (_, f) => { f.alerts.groups[0].rules[0].panelId = 999; }, /points to no picture/],
	['an alert that does not say what to do', (_, f) => { delete f.alerts.groups[0].rules[0].annotations.description; }, /what to do/],
	['an alert whose condition is missing', (_, f) => { f.alerts.groups[0].rules[0].condition = 'D'; }, /condition/],
	...Object.entries({
		'an alert that compares the wrong way round': (rule) => { rule.data[2].model.conditions[0].evaluator.type = 'gt'; },
		'an alert with another threshold': (rule) => { rule.data[2].model.conditions[0].evaluator.params = [10]; },
		'an alert that takes the mean': (rule) => { rule.data[1].model.reducer = 'mean'; },
		'an alert that is silent without data': (rule) => { rule.noDataState = 'OK'; },
		'an alert that waits longer': (rule) => { rule.for = '1h'; },
		'an alert that looks back further': (rule) => { rule.data[0].relativeTimeRange.from = 7200; },
	}).map(([what, how]) => [what, (_, f) => how(f.alerts.groups[0].rules[0]), /nstats-nothing-arrives: decides by/]),
	...Object.entries({
		'an alert that is silent when it cannot ask': (rule) => { rule.execErrState = 'OK'; },
		'an alert that counts what is not a number': (rule) => { delete rule.data[1].model.settings; },
		'an alert that compares what is not reduced': (rule) => { rule.data[2].model.expression = 'A'; },
		'an alert about the past': (rule) => { rule.data[0].relativeTimeRange.to = 300; },
	}).map(([what, how]) => [what, (_, f) => how(f.alerts.groups[0].rules[0]), /it is not A, its last number/]),
	['a spool alert that late points cannot reach', (_, f) => { f.alerts.groups[0].rules.find((one) => one.uid === 'nstats-spool-old').data[0].relativeTimeRange.from = 300; }, /nstats-spool-old: decides by 300/],
	['an alert that is gone', (_, f) => { f.alerts.groups[0].rules.pop(); }, /there is no rule nstats-dropped/],
	['an alert that nobody thought out', (_, f) => { f.alerts.groups[0].rules[0].uid = 'nstats-other'; }, /expected $/],
	['a contact point', (_, f) => { f.alerts.contactPoints = []; }, /forces contactPoints/],
	['a data source under another uid', (_, f) => { f.sources.datasources[0].uid = 'influx'; }, /not just nstats-influx/],
	['a dashboard that no ConfigMap holds', (_, f) => { f.kustomization.configMapGenerator[0].files.pop(); }, /leaves out/],
];
