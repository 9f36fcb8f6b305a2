;; Giving way succeeds, and returns.
(module
  ;; include: imports.wat
  ;; include: say.wat
  (data (i32.const 0x1000) "yield\n" "again\n")
  (func (export "_start")
    (call $say (call $next) (call $sched_yield))
    (call $say (call $next) (call $sched_yield))))
