;; Threads of the host that share a memory: atomic accesses exclude each other, wait and notify are real.

(module $mem (memory (export "memory") 1 1 shared))

;; Four threads add 20,000 times each to one cell, and 20,000 times by compare-and-exchange to another.

(thread $add1 (shared (module $mem)) (register "mem" $mem)
  (module (memory (import "mem" "memory") 1 1 shared)
    (func (export "run") (param $n i32)
      (loop $more
        (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 1)))
        (br_if $more (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))))
  (invoke "run" (i32.const 20_000)))
(thread $add2 (shared (module $mem)) (register "mem" $mem)
  (module (memory (import "mem" "memory") 1 1 shared)
    (func (export "run") (param $n i32)
      (loop $more
        (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 1)))
        (br_if $more (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))))
  (invoke "run" (i32.const 20_000)))
(thread $swap1 (shared (module $mem)) (register "mem" $mem)
  (module (memory (import "mem" "memory") 1 1 shared)
    (func (export "run") (param $n i32) (local $old i64)
      (loop $more
        (loop $again
          (local.set $old (i64.atomic.load (i32.const 8)))
          (br_if $again (i64.ne (local.get $old)
            (i64.atomic.rmw.cmpxchg (i32.const 8) (local.get $old) (i64.add (local.get $old) (i64.const 1))))))
        (br_if $more (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))))
  (invoke "run" (i32.const 20_000)))
(thread $swap2 (shared (module $mem)) (register "mem" $mem)
  (module (memory (import "mem" "memory") 1 1 shared)
    (func (export "run") (param $n i32) (local $old i64)
      (loop $more
        (loop $again
          (local.set $old (i64.atomic.load (i32.const 8)))
          (br_if $again (i64.ne (local.get $old)
            (i64.atomic.rmw.cmpxchg (i32.const 8) (local.get $old) (i64.add (local.get $old) (i64.const 1))))))
        (br_if $more (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))))
  (invoke "run" (i32.const 20_000)))
(wait $add1)
(wait $add2)
(wait $swap1)
(wait $swap2)

(register "mem" $mem)
(module $main (memory (import "mem" "memory") 1 1 shared)
  (func (export "cell") (param $at i32) (result i64) (i64.atomic.load (local.get $at)))
  ;; Wakes up to $count threads at a time until $wanted have been woken; how many that makes.
  (func (export "wake") (param $at i32) (param $count i32) (param $wanted i32) (result i32) (local $woken i32)
    (loop $more
      (local.set $woken (i32.add (local.get $woken) (memory.atomic.notify (local.get $at) (local.get $count))))
      (br_if $more (i32.lt_u (local.get $woken) (local.get $wanted))))
    (local.get $woken))
  (func (export "wait32") (param i32 i32 i64) (result i32)
    (memory.atomic.wait32 (local.get 0) (local.get 1) (local.get 2)))
  (func (export "wait64") (param i32 i64 i64) (result i32)
    (memory.atomic.wait64 (local.get 0) (local.get 1) (local.get 2)))
  (func (export "notify") (param i32 i32) (result i32) (memory.atomic.notify (local.get 0) (local.get 1))))

(assert_return (invoke "cell" (i32.const 0)) (i64.const 40_000))
(assert_return (invoke "cell" (i32.const 8)) (i64.const 40_000))

;; Alone: another value, or nobody who wakes.

(assert_return (invoke "wait32" (i32.const 16) (i32.const 1) (i64.const -1)) (i32.const 1))
(assert_return (invoke "wait64" (i32.const 16) (i64.const 1) (i64.const -1)) (i32.const 1))
(assert_return (invoke "wait32" (i32.const 16) (i32.const 0) (i64.const 1_000_000)) (i32.const 2))
(assert_return (invoke "wait64" (i32.const 16) (i64.const 0) (i64.const 0)) (i32.const 2))
(assert_return (invoke "notify" (i32.const 16) (i32.const -1)) (i32.const 0))

;; Three wait at one address, one at another. Each is woken once, and only by a notification of its address.

(thread $w1 (shared (module $mem)) (register "mem" $mem)
  (module (memory (import "mem" "memory") 1 1 shared)
    (func (export "wait") (result i32) (memory.atomic.wait32 (i32.const 16) (i32.const 0) (i64.const -1))))
  (assert_return (invoke "wait") (i32.const 0)))
(thread $w2 (shared (module $mem)) (register "mem" $mem)
  (module (memory (import "mem" "memory") 1 1 shared)
    (func (export "wait") (result i32) (memory.atomic.wait64 (i32.const 16) (i64.const 0) (i64.const -1))))
  (assert_return (invoke "wait") (i32.const 0)))
(thread $w3 (shared (module $mem)) (register "mem" $mem)
  (module (memory (import "mem" "memory") 1 1 shared)
    (func (export "wait") (result i32) (memory.atomic.wait32 (i32.const 16) (i32.const 0) (i64.const 60_000_000_000))))
  (assert_return (invoke "wait") (i32.const 0)))
(thread $w4 (shared (module $mem)) (register "mem" $mem)
  (module (memory (import "mem" "memory") 1 1 shared)
    (func (export "wait") (result i32) (memory.atomic.wait32 (i32.const 24) (i32.const 0) (i64.const -1))))
  (assert_return (invoke "wait") (i32.const 0)))

(assert_return (invoke $main "notify" (i32.const 20) (i32.const -1)) (i32.const 0))
(assert_return (invoke $main "wake" (i32.const 16) (i32.const 1) (i32.const 1)) (i32.const 1))
(assert_return (invoke $main "wake" (i32.const 16) (i32.const -1) (i32.const 2)) (i32.const 2))
(wait $w1)
(wait $w2)
(wait $w3)
(assert_return (invoke $main "notify" (i32.const 16) (i32.const -1)) (i32.const 0))
(assert_return (invoke $main "wake" (i32.const 24) (i32.const 5) (i32.const 1)) (i32.const 1))
(wait $w4)
