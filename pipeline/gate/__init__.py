"""The policy gate: surfaces, engines, rules, waivers and the cache."""
