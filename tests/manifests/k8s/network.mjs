// SPDX-License-Identifier: Apache-2.0
// What NetworkPolicies let through, as the API describes it: a rule without peers or ports is for all of them, the parts of a peer
// hold together, and a pod selector alone is for the policy's own namespace.
// https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/network-policy-v1/
import { isIPv4 } from "node:net";

export function isSelected({ matchLabels = {}, matchExpressions = [] }, labels) {
	const tests = {
		In: ({ key, values }) => values.includes(labels[key]),
		NotIn: ({ key, values }) => !values.includes(labels[key]),
		Exists: ({ key }) => key in labels,
		DoesNotExist: ({ key }) => !(key in labels),
	};
	return Object.entries(matchLabels).every(([key, value]) => labels[key] === value)
		&& matchExpressions.every((expression) => tests[expression.operator](expression));
}

const number = (ip) => ip.split(".").reduce((sum, byte) => sum * 256 + Number(byte), 0);

function contains(cidr, ip) {
	const [base, length] = cidr.split("/");
	if (!isIPv4(base) || !/^\d+$/.test(length) || length > 32) throw new Error(`${cidr} is not understood`);
	const block = 2 ** (32 - length);
	return Math.floor(number(base) / block) === Math.floor(number(ip) / block);
}

// {namespace, labels} of a pod, or {ip} of what is none
function isPeer(peer, policy, end) {
	if (!Object.keys(peer).length) throw new Error("a peer that is nobody");
	if (peer.ipBlock) return Boolean(end.ip) && contains(peer.ipBlock.cidr, end.ip);
	if (end.ip) return false;
	const isThere = peer.namespaceSelector
		? isSelected(peer.namespaceSelector, { "kubernetes.io/metadata.name": end.namespace })
		: end.namespace === policy.metadata.namespace;
	return isThere && isSelected(peer.podSelector ?? {}, end.labels);
}

// Is the other end let in, or reached, at that port? `names` are the ports of the pod that is asked: name/protocol to number.
export function allows(policy, direction, end, [protocol, port], names = {}) {
	const { policyTypes, [direction.toLowerCase()]: rules = [] } = policy.spec;
	if (!policyTypes.includes(direction)) return true;
	return rules.some((rule) => {
		const peers = rule.from ?? rule.to;
		const matches = (one) => (one.protocol ?? "TCP") === protocol && (one.port === port || names[`${one.port}/${protocol}`] === port);
		return (!peers || peers.some((peer) => isPeer(peer, policy, end))) && (!rule.ports || rule.ports.some(matches));
	});
}
