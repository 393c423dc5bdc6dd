// SPDX-License-Identifier: Apache-2.0
// Breaks a copy of the dashboards, or of the rest, in one way each: [what, how, what must be said].
const panel = (boards, type) => boards.flatMap((board) => board.panels).find((one) => one.type === type);
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
	['a panel without a unit', (b) => { panel(b, 'stat').fieldConfig.defaults.unit = ''; }, /has no unit/],
	['a panel without a description', (b) => { panel(b, 'stat').description = ''; }, /has no description/],
	['an override for a column that is not there', (b) => { panel(b, 'table').fieldConfig.overrides[0].matcher.options = 'Nothing'; }, /which no query of it makes/],
	['a variable that depends on a later one', (b) => { b[0].templating.list.push(b[0].templating.list.splice(1, 1)[0]); }, /not before it/],
	['an alert about an unknown field', (_, f) => swap(f.alerts.groups[0].rules[1].data[0].model, '"captured_bytes"', '"covered"'), /"covered"|is no tag or field/],
	['an alert that points to no panel', (_, f) => { f.alerts.groups[0].rules[0].panelId = 999; }, /points to no picture/],
	['an alert that does not say what to do', (_, f) => { delete f.alerts.groups[0].rules[0].annotations.description; }, /what to do/],
	['an alert whose condition is missing', (_, f) => { f.alerts.groups[0].rules[0].condition = 'D'; }, /condition/],
	['a contact point', (_, f) => { f.alerts.contactPoints = []; }, /forces contactPoints/],
	['a data source under another uid', (_, f) => { f.sources.datasources[0].uid = 'influx'; }, /not just nstats-influx/],
	['a dashboard that no ConfigMap holds', (_, f) => { f.kustomization.configMapGenerator[0].files.pop(); }, /leaves out/],
];
