from __future__ import annotations
def fold_lines(body, func_body, depth, hints, offset):
    return body.lines(func_body, depth, hints, offset)
