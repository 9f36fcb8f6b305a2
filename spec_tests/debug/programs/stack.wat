;; The depth of a tree whose nodes are (left, right). A node is its own child.
(module $stack
  (memory 1)
  (data (i32.const 16) "\20\00\00\00\00\00\00\00")
  (data (i32.const 32) "\00\00\00\00\20\00\00\00")
  (func $depth (param $node i32) (result i32)
    (if (result i32) (i32.eqz (local.get $node))
      (then (i32.const 0))
      (else
        (i32.add
          (i32.const 1)
          (i32.add
            (call $depth (i32.load (local.get $node)))
            (call $depth (i32.load offset=4 (local.get $node))))))))
  (func $main (export "main") (result i32)
    (call $depth (i32.const 16))))
