;; Builds a linked list of n structures and sums it: allocation, struct.get and null checks of Wasm GC.
(module
  (type $cell (struct (field $value i32) (field $next (ref null $cell))))
  (func (export "run") (param $n i32) (result i32)
    (local $list (ref null $cell)) (local $sum i32)
    (loop $build
      (local.set $list (struct.new $cell (local.get $n) (local.get $list)))
      (br_if $build (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (block $end
      (loop $walk
        (local.set $sum (i32.add (local.get $sum) (struct.get $cell $value (br_on_null $end (local.get $list)))))
        (local.set $list (struct.get $cell $next (local.get $list)))
        (br $walk))
      unreachable)
    (local.get $sum)))
