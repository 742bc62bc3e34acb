"""From a template to calls.

The pure half, run in a child process (`workshop`, `workbench`): `template` reads text, `extensions` and `sam` transform it,
`sections` and `parameters` check it, `intrinsics` compute what can be computed, `graph` orders it, `blueprint` puts these in a
row. Then `plan` compares with what stands (`standing`), and `apply` carries it out (`removal` what is taken away), one `step` per
resource, with the tags of `tagging`, by the entries in
`resources/` (found by `types`, written in the language of `resource`, checked against AWS's `schemas`). `packaging` uploads
local code beforehand.
"""
