  ;; Printing. Memory: below 0x400 is this file's; results go to 0x400 and up by custom; strings of the program, each
  ;; ended by a newline, begin at 0x1000 and are taken in order by `$next`; buffers are at 0x8000 and up.
  (memory (export "memory") 2)
  (data (i32.const 0x100) ;; the names of errno, in order
    "SUCCESS 2BIG ACCES ADDRINUSE ADDRNOTAVAIL AFNOSUPPORT AGAIN ALREADY BADF BADMSG BUSY CANCELED CHILD "
    "CONNABORTED CONNREFUSED CONNRESET DEADLK DESTADDRREQ DOM DQUOT EXIST FAULT FBIG HOSTUNREACH IDRM "
    "ILSEQ INPROGRESS INTR INVAL IO ISCONN ISDIR LOOP MFILE MLINK MSGSIZE MULTIHOP NAMETOOLONG NETDOWN "
    "NETRESET NETUNREACH NFILE NOBUFS NODEV NOENT NOEXEC NOLCK NOLINK NOMEM NOMSG NOPROTOOPT NOSPC NOSYS "
    "NOTCONN NOTDIR NOTEMPTY NOTRECOVERABLE NOTSOCK NOTSUP NOTTY NXIO OVERFLOW OWNERDEAD PERM PIPE PROTO "
    "PROTONOSUPPORT PROTOTYPE RANGE ROFS SPIPE SRCH STALE TIMEDOUT TXTBSY XDEV NOTCAPABLE ")
  (global $cursor (mut i32) (i32.const 0x1000))

  ;; The next string: address and length.
  (func $next (result i32 i32) (local $start i32)
    (local.set $start (global.get $cursor))
    (loop $more
      (global.set $cursor (i32.add (global.get $cursor) (i32.const 1)))
      (br_if $more (i32.ne (i32.load8_u (i32.sub (global.get $cursor) (i32.const 1))) (i32.const 10))))
    (local.get $start)
    (i32.sub (i32.sub (global.get $cursor) (local.get $start)) (i32.const 1)))

  ;; Writes to standard output; the iovec is at 0.
  (func $print (param $at i32) (param $size i32)
    (i32.store (i32.const 0) (local.get $at))
    (i32.store (i32.const 4) (local.get $size))
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))

  (func $label (param $at i32) (param $size i32)
    (call $print (local.get $at) (local.get $size))
    (i32.store (i32.const 16) (i32.const 0x203a)) ;; ": "
    (call $print (i32.const 16) (i32.const 2)))

  (func $newline
    (i32.store (i32.const 16) (i32.const 10))
    (call $print (i32.const 16) (i32.const 1)))

  ;; `label: ERRNO`
  (func $say (param $at i32) (param $size i32) (param $errno i32) (local $from i32) (local $to i32)
    (call $label (local.get $at) (local.get $size))
    (local.set $to (i32.const 0x100))
    (loop $name
      (local.set $from (local.get $to))
      (loop $letter
        (local.set $to (i32.add (local.get $to) (i32.const 1)))
        (br_if $letter (i32.ne (i32.load8_u (i32.sub (local.get $to) (i32.const 1))) (i32.const 32))))
      (local.set $errno (i32.sub (local.get $errno) (i32.const 1)))
      (br_if $name (i32.ge_s (local.get $errno) (i32.const 0))))
    (call $print (local.get $from) (i32.sub (i32.sub (local.get $to) (local.get $from)) (i32.const 1)))
    (call $newline))

  ;; `label: NUMBER`
  (func $show (param $at i32) (param $size i32) (param $value i64) (local $digit i32)
    (call $label (local.get $at) (local.get $size))
    (local.set $digit (i32.const 64))
    (loop $more
      (local.set $digit (i32.sub (local.get $digit) (i32.const 1)))
      (i32.store8 (local.get $digit)
        (i32.add (i32.const 48) (i32.wrap_i64 (i64.rem_u (local.get $value) (i64.const 10)))))
      (local.set $value (i64.div_u (local.get $value) (i64.const 10)))
      (br_if $more (i64.ne (local.get $value) (i64.const 0))))
    (call $print (local.get $digit) (i32.sub (i32.const 64) (local.get $digit)))
    (call $newline))

  (func $show32 (param $at i32) (param $size i32) (param $value i32)
    (call $show (local.get $at) (local.get $size) (i64.extend_i32_u (local.get $value))))

  ;; `label: TEXT`
  (func $text (param $at i32) (param $size i32) (param $from i32) (param $count i32)
    (call $label (local.get $at) (local.get $size))
    (call $print (local.get $from) (local.get $count))
    (call $newline))
