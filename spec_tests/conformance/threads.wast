;; Threads: an instance's memory shared with another thread, which waits until it is notified.

(module $memory (memory (export "shared") 1 1 shared))

(thread $waiter (shared (module $memory))
  (register "memory" $memory)
  (module
    (memory (import "memory" "shared") 1 1 shared)
    ;; 0: woken up, 1: the value was another one already, 2: waited too long.
    (func (export "wait") (result i32)
      (memory.atomic.wait32 (i32.const 64) (i32.const 0) (i64.const 20_000_000_000)))
    (func (export "message") (result i32) (i32.load (i32.const 128))))
  (assert_return (invoke "wait") (i32.const 0))
  (assert_return (invoke "message") (i32.const 4711)))

(thread $notifier (shared (module $memory))
  (register "memory" $memory)
  (module
    (memory (import "memory" "shared") 1 1 shared)
    (func (export "send")
      (i32.store (i32.const 128) (i32.const 4711))
      (loop $until
        (br_if $until (i32.eqz (memory.atomic.notify (i32.const 64) (i32.const 1)))))))
  (assert_return (invoke "send")))

(wait $waiter)
(wait $notifier)

;; Two threads add to one counter; nothing gets lost.
(thread $a (shared (module $memory))
  (register "memory" $memory)
  (module
    (memory (import "memory" "shared") 1 1 shared)
    (func (export "add") (param $n i32)
      (loop $next
        (drop (i32.atomic.rmw.add (i32.const 256) (i32.const 1)))
        (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))))
  (assert_return (invoke "add" (i32.const 3000))))
(thread $b (shared (module $memory))
  (register "memory" $memory)
  (module
    (memory (import "memory" "shared") 1 1 shared)
    (func (export "add") (param $n i32)
      (loop $next
        (drop (i32.atomic.rmw.add (i32.const 256) (i32.const 1)))
        (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))))
  (assert_return (invoke "add" (i32.const 3000))))
(wait $a)
(wait $b)
(register "memory" $memory)
(module
  (memory (import "memory" "shared") 1 1 shared)
  (func (export "total") (result i32) (i32.atomic.load (i32.const 256))))
(assert_return (invoke "total") (i32.const 6000))
