package wasmfile

// An immediate is what follows an opcode in the binary.
type immediate uint8

const (
	immInvalid      immediate = iota // no such opcode
	immNone                          //
	immEnd                           // closes a block
	immDelegate                      // label; closes a block
	immBlock                         // block type; opens a block
	immTryTable                      // block type, catch clauses; opens a block
	immLabels                        // vector of labels, label
	immIndex                         // one index
	immIndex2                        // two indices
	immTable                         // index of a table, which is changed
	immTable2                        // index, index of a table, one of which is changed
	immFunc                          // index of a function
	immCallIndirect                  // type, table
	immMemory                        // memory
	immMemory2                       // memory, memory
	immDataMemory                    // data segment, memory
	immMemarg                        // alignment, memory, offset
	immMemargLane                    // the same, then the number of a lane
	immFutex                         // as immMemarg, of a wait or notify
	immI32                           // signed number of 32 bits
	immI64                           // signed number of 64 bits
	imm1                             // 1 byte
	imm4                             // 4 bytes
	imm8                             // 8 bytes
	imm16                            // 16 bytes
	immZero                          // 1 byte, zero
	immValueTypes                    // vector of value types
	immHeapType                      // heap type
	immBranchCast                    // flags, label, two heap types
	immPrefix                        // the number of the opcode among those of the prefix
)

// An opcode tells how to step over an instruction and what it needs.
type opcode struct {
	imm     immediate
	feature Features
}

// A span is a run of opcodes that are alike.
type span struct {
	first, last int
	opcode
}

func opcodes(spans ...span) []opcode {
	table := make([]opcode, spans[len(spans)-1].last+1)
	for _, s := range spans {
		for op := s.first; op <= s.last; op++ {
			table[op] = s.opcode
		}
	}
	return table
}

const (
	opLoop         = 0x03
	opIf           = 0x04
	opEnd          = 0x0b
	opCall         = 0x10
	opCallIndirect = 0x11

	opReturnCallIndirect = 0x13

	opReturnCallRef = 0x15 // the last of the calls
	opDrop          = 0x1a
	opLocalGet      = 0x20
	opGlobalGet     = 0x23
	opGlobalSet     = 0x24
	opMemoryGrow    = 0x40
	opI32Const      = 0x41
)

const legacy = FeatureExceptions | FeatureLegacyExceptions

var coreOpcodes = [256]opcode(opcodes(
	span{0x00, 0x01, opcode{immNone, 0}},  // unreachable, nop
	span{0x02, 0x04, opcode{immBlock, 0}}, // block, loop, if
	span{0x05, 0x05, opcode{immNone, 0}},  // else
	span{0x06, 0x06, opcode{immBlock, legacy}},
	span{0x07, 0x07, opcode{immIndex, legacy}},            // catch
	span{0x08, 0x08, opcode{immIndex, FeatureExceptions}}, // throw
	span{0x09, 0x09, opcode{immIndex, legacy}},            // rethrow
	span{0x0a, 0x0a, opcode{immNone, FeatureExceptions}},  // throw_ref
	span{0x0b, 0x0b, opcode{immEnd, 0}},
	span{0x0c, 0x0d, opcode{immIndex, 0}},  // br, br_if
	span{0x0e, 0x0e, opcode{immLabels, 0}}, // br_table
	span{0x0f, 0x0f, opcode{immNone, 0}},   // return
	span{0x10, 0x10, opcode{immFunc, 0}},   // call
	span{0x11, 0x11, opcode{immCallIndirect, 0}},
	span{0x12, 0x12, opcode{immFunc, FeatureTailCall}},                              // return_call
	span{0x13, 0x13, opcode{immCallIndirect, FeatureTailCall}},                      // return_call_indirect
	span{0x14, 0x14, opcode{immIndex, FeatureFunctionReferences}},                   // call_ref
	span{0x15, 0x15, opcode{immIndex, FeatureFunctionReferences | FeatureTailCall}}, // return_call_ref
	span{0x18, 0x18, opcode{immDelegate, legacy}},
	span{0x19, 0x19, opcode{immNone, legacy}},                      // catch_all
	span{0x1a, 0x1b, opcode{immNone, 0}},                           // drop, select
	span{0x1c, 0x1c, opcode{immValueTypes, FeatureReferenceTypes}}, // select t
	span{0x1f, 0x1f, opcode{immTryTable, FeatureExceptions}},
	span{0x20, 0x24, opcode{immIndex, 0}},                     // local.get to global.set
	span{0x25, 0x25, opcode{immIndex, FeatureReferenceTypes}}, // table.get
	span{0x26, 0x26, opcode{immTable, FeatureReferenceTypes}}, // table.set
	span{0x28, 0x3e, opcode{immMemarg, 0}},                    // i32.load to i64.store32
	span{0x3f, 0x40, opcode{immMemory, 0}},                    // memory.size, memory.grow
	span{0x41, 0x41, opcode{immI32, 0}},
	span{0x42, 0x42, opcode{immI64, 0}},
	span{0x43, 0x43, opcode{imm4, 0}},                             // f32.const
	span{0x44, 0x44, opcode{imm8, 0}},                             // f64.const
	span{0x45, 0xbf, opcode{immNone, 0}},                          // i32.eqz to f64.reinterpret_i64
	span{0xc0, 0xc4, opcode{immNone, FeatureSignExtension}},       // i32.extend8_s to i64.extend32_s
	span{0xd0, 0xd0, opcode{immHeapType, FeatureReferenceTypes}},  // ref.null
	span{0xd1, 0xd1, opcode{immNone, FeatureReferenceTypes}},      // ref.is_null
	span{0xd2, 0xd2, opcode{immFunc, FeatureReferenceTypes}},      // ref.func
	span{0xd3, 0xd3, opcode{immNone, FeatureGC}},                  // ref.eq
	span{0xd4, 0xd4, opcode{immNone, FeatureFunctionReferences}},  // ref.as_non_null
	span{0xd5, 0xd6, opcode{immIndex, FeatureFunctionReferences}}, // br_on_null, br_on_non_null
	span{0xfb, 0xfb, opcode{immPrefix, FeatureGC}},                // see prefixed
	span{0xfc, 0xfc, opcode{immPrefix, 0}},                        //
	span{0xfd, 0xfd, opcode{immPrefix, FeatureSIMD}},              //
	span{0xfe, 0xfe, opcode{immPrefix, FeatureThreads}},           //
	span{0xff, 0xff, opcode{immInvalid, 0}},
))

// prefixed are the opcodes behind the prefixes 0xfb to 0xfe.
var prefixed = [4][]opcode{
	// Garbage collection.
	opcodes(
		span{0, 1, opcode{immIndex, 0}},      // struct.new, struct.new_default
		span{2, 5, opcode{immIndex2, 0}},     // struct.get, get_s, get_u, set
		span{6, 7, opcode{immIndex, 0}},      // array.new, array.new_default
		span{8, 10, opcode{immIndex2, 0}},    // array.new_fixed, new_data, new_elem
		span{11, 14, opcode{immIndex, 0}},    // array.get, get_s, get_u, set
		span{15, 15, opcode{immNone, 0}},     // array.len
		span{16, 16, opcode{immIndex, 0}},    // array.fill
		span{17, 19, opcode{immIndex2, 0}},   // array.copy, init_data, init_elem
		span{20, 23, opcode{immHeapType, 0}}, // ref.test, ref.cast
		span{24, 25, opcode{immBranchCast, 0}},
		span{26, 30, opcode{immNone, 0}}, // any.convert_extern to i31.get_u
	),
	// Saturating conversions, bulk memory, tables, wide arithmetic.
	opcodes(
		span{0, 7, opcode{immNone, FeatureNontrappingFPToInt}},
		span{8, 8, opcode{immDataMemory, FeatureBulkMemory}},  // memory.init
		span{9, 9, opcode{immIndex, FeatureBulkMemory}},       // data.drop
		span{10, 10, opcode{immMemory2, FeatureBulkMemory}},   // memory.copy
		span{11, 11, opcode{immMemory, FeatureBulkMemory}},    // memory.fill
		span{12, 12, opcode{immTable2, FeatureBulkMemory}},    // table.init
		span{13, 13, opcode{immIndex, FeatureBulkMemory}},     // elem.drop
		span{14, 14, opcode{immTable2, FeatureBulkMemory}},    // table.copy
		span{15, 15, opcode{immTable, FeatureReferenceTypes}}, // table.grow
		span{16, 16, opcode{immIndex, FeatureReferenceTypes}}, // table.size
		span{17, 17, opcode{immTable, FeatureReferenceTypes}}, // table.fill
		span{19, 22, opcode{immNone, FeatureWideArithmetic}},  // i64.add128 to i64.mul_wide_u
	),
	// Vectors; from 0x100 on, relaxed ones.
	opcodes(
		span{0x00, 0x0b, opcode{immMemarg, 0}},
		span{0x0c, 0x0d, opcode{imm16, 0}}, // v128.const, i8x16.shuffle
		span{0x0e, 0x14, opcode{immNone, 0}},
		span{0x15, 0x22, opcode{imm1, 0}}, // extract_lane, replace_lane
		span{0x23, 0x53, opcode{immNone, 0}},
		span{0x54, 0x5b, opcode{immMemargLane, 0}},
		span{0x5c, 0x5d, opcode{immMemarg, 0}},
		span{0x5e, 0x99, opcode{immNone, 0}},
		span{0x9b, 0xa1, opcode{immNone, 0}},
		span{0xa3, 0xa4, opcode{immNone, 0}},
		span{0xa7, 0xae, opcode{immNone, 0}},
		span{0xb1, 0xb1, opcode{immNone, 0}},
		span{0xb5, 0xba, opcode{immNone, 0}},
		span{0xbc, 0xc1, opcode{immNone, 0}},
		span{0xc3, 0xc4, opcode{immNone, 0}},
		span{0xc7, 0xce, opcode{immNone, 0}},
		span{0xd1, 0xd1, opcode{immNone, 0}},
		span{0xd5, 0xe1, opcode{immNone, 0}},
		span{0xe3, 0xed, opcode{immNone, 0}},
		span{0xef, 0xff, opcode{immNone, 0}},
		span{0x100, 0x113, opcode{immNone, FeatureRelaxedSIMD}},
	),
	// Threads.
	opcodes(
		span{0, 2, opcode{immFutex, 0}}, // memory.atomic.notify, wait32, wait64
		span{3, 3, opcode{immZero, 0}},  // atomic.fence
		span{0x10, 0x4e, opcode{immMemarg, 0}},
	),
}
