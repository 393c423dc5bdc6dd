// SPDX-License-Identifier: Apache-2.0
// Amounts as Kubernetes writes them; NaN is no amount.
const FACTORS = { m: 1e-3, "": 1, k: 1e3, M: 1e6, G: 1e9, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40 };

export function amount(quantity) {
	const [, number, unit] = String(quantity).match(/^(\d+(?:\.\d+)?)([a-zA-Z]*)$/) ?? [];
	return Number(number) * (FACTORS[unit] ?? Number.NaN);
}

// The same of our own options: 8GiB.
export const bytes = (text) => amount(String(text).replace(/B$/, ""));
