;; A lock that is taken twice by the same thread, the second time in a function that is called with the lock held.
(module $deadlock
  (memory 1 1 shared)
  (func $lock (param $lock i32)
    (block $done
      (loop $again
        (br_if $done (i32.eqz
          (i32.atomic.rmw.cmpxchg (local.get $lock) (i32.const 0) (i32.const 1))))
        (drop (memory.atomic.wait32 (local.get $lock) (i32.const 1) (i64.const -1)))
        (br $again))))
  (func $unlock (param $lock i32)
    (i32.atomic.store (local.get $lock) (i32.const 0))
    (drop (memory.atomic.notify (local.get $lock) (i32.const 1))))
  (func $log
    (call $lock (i32.const 8))
    (call $unlock (i32.const 8)))
  (func $transfer
    (call $lock (i32.const 8))
    (call $log)
    (call $unlock (i32.const 8)))
  (func $main (export "main")
    (call $log)
    (call $transfer)))
