;; The exception instructions of before: try with catch, catch_all and delegate; rethrow.

(module
  (tag $number (param i32))
  (tag $empty)
  (func $raise (param i32)
    (if (i32.eqz (local.get 0)) (then (return)))
    (if (i32.eq (local.get 0) (i32.const 1)) (then (throw $number (i32.const 41))))
    (if (i32.eq (local.get 0) (i32.const 2)) (then (throw $empty)))
    (unreachable))

  (func (export "catch") (param i32) (result i32)
    (try (result i32)
      (do (call $raise (local.get 0)) (i32.const 10))
      (catch $number (i32.const 1) (i32.add))
      (catch_all (i32.const 20))))
  (func (export "catch-none") (param i32) (result i32)
    (try (result i32)
      (do (call $raise (local.get 0)) (i32.const 10))
      (catch $number)))
  ;; Within a catch the exception can be thrown again, past handlers in between.
  (func (export "rethrow") (param i32 i32) (result i32)
    (try (result i32)
      (do
        (try $t (result i32)
          (do (call $raise (local.get 0)) (i32.const 10))
          (catch_all
            (try (do (throw $empty)) (catch $empty (if (local.get 1) (then (rethrow $t)))))
            (i32.const 30))))
      (catch $number)))
  ;; delegate hands the exception to the try that its label names, not to those in between.
  (func (export "delegate") (param i32) (result i32)
    (try $outer (result i32)
      (do
        (try (result i32)
          (do
            (try (result i32)
              (do (call $raise (local.get 0)) (i32.const 10))
              (delegate $outer)))
          (catch_all (i32.const 50))))
      (catch $number (i32.const 100) (i32.add))
      (catch_all (i32.const 60))))
  (func (export "delegate-out") (param i32) (result i32)
    (try (result i32)
      (do (try (result i32) (do (call $raise (local.get 0)) (i32.const 10)) (delegate 1)))
      (catch_all (i32.const 50))))
  (func (export "unfolded") (param i32) (result i32)
    try (result i32)
      local.get 0
      call $raise
      i32.const 10
    catch $number
      i32.const 7
      i32.mul
    catch_all
      i32.const -1
    end)
  ;; A legacy try inside a try_table, and the other way round.
  (func (export "mixed") (param i32) (result i32)
    (block $number (result i32)
      (try_table (result i32) (catch $number $number)
        (try (result i32)
          (do (call $raise (local.get 0)) (i32.const 10))
          (catch $empty (block $h (try_table (catch $empty $h) (throw $number (i32.const 5)))) (i32.const 6)))))))

(assert_return (invoke "catch" (i32.const 0)) (i32.const 10))
(assert_return (invoke "catch" (i32.const 1)) (i32.const 42))
(assert_return (invoke "catch" (i32.const 2)) (i32.const 20))
(assert_trap (invoke "catch" (i32.const 3)) "unreachable")
(assert_return (invoke "catch-none" (i32.const 1)) (i32.const 41))
(assert_exception (invoke "catch-none" (i32.const 2)))
(assert_return (invoke "rethrow" (i32.const 0) (i32.const 1)) (i32.const 10))
(assert_return (invoke "rethrow" (i32.const 1) (i32.const 0)) (i32.const 30))
(assert_return (invoke "rethrow" (i32.const 1) (i32.const 1)) (i32.const 41))
(assert_exception (invoke "rethrow" (i32.const 2) (i32.const 1)))
(assert_return (invoke "delegate" (i32.const 0)) (i32.const 10))
(assert_return (invoke "delegate" (i32.const 1)) (i32.const 141))
(assert_return (invoke "delegate" (i32.const 2)) (i32.const 60))
(assert_exception (invoke "delegate-out" (i32.const 1)))
(assert_return (invoke "unfolded" (i32.const 1)) (i32.const 287))
(assert_return (invoke "unfolded" (i32.const 2)) (i32.const -1))
(assert_return (invoke "mixed" (i32.const 0)) (i32.const 10))
(assert_return (invoke "mixed" (i32.const 1)) (i32.const 41))
(assert_return (invoke "mixed" (i32.const 2)) (i32.const 5))
(assert_invalid (module (func (block (rethrow 0)))) "invalid rethrow label")
