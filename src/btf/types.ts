// The types of a .BTF blob as records. A record refers to other types by id (0 is void) and carries its names as text, so that
// what is taken out of one blob can be put into another. Sizes are bytes, bit offsets count from the start of the struct.

// Kinds as they are numbered in a blob, as far as their layout differs; KIND_NAMES has them all.
export const BTF_KIND_INT = 1
export const BTF_KIND_ARRAY = 3
export const BTF_KIND_STRUCT = 4
export const BTF_KIND_UNION = 5
export const BTF_KIND_ENUM = 6
export const BTF_KIND_FWD = 7
export const BTF_KIND_DATASEC = 15
export const BTF_KIND_FLOAT = 16
export const BTF_KIND_ENUM64 = 19

// Encodings of an int, a set of bits.
export const BTF_INT_SIGNED = 1
export const BTF_INT_CHAR = 2
export const BTF_INT_BOOL = 4

// Linkage of a func (static, global, extern) and of a var (static, allocated global, extern global).
export const LINKAGE_STATIC = 0
export const LINKAGE_GLOBAL = 1
export const LINKAGE_EXTERN = 2

export interface BtfVoid {
  readonly kind: 'void'
  readonly name: ''
}

export interface BtfInt {
  readonly kind: 'int'
  readonly name: string
  readonly size: number
  /** BTF_INT_* bits. */
  readonly encoding: number
  /** Where the value's bits begin, and how many they are. */
  readonly bitOffset: number
  readonly bits: number
}

/** A pointer, or a qualifier, alias or tag in front of another type. `name` is '' but for typedefs and tags. */
export interface BtfRef {
  readonly kind: 'ptr' | 'typedef' | 'volatile' | 'const' | 'restrict' | 'type_tag'
  readonly name: string
  readonly type: number
  /** kind_flag of a type tag: a plain attribute, not a btf_type_tag. */
  readonly flag: boolean
}

export interface BtfArray {
  readonly kind: 'array'
  readonly name: ''
  readonly type: number
  readonly index: number
  readonly length: number
}

export interface BtfMember {
  readonly name: string
  readonly type: number
  readonly bitOffset: number
  /** Width of a bit field, 0 for all other members. */
  readonly bitSize: number
}

export interface BtfStruct {
  readonly kind: 'struct' | 'union'
  readonly name: string
  readonly size: number
  readonly members: readonly BtfMember[]
  /** kind_flag: member offsets carry the widths of bit fields. */
  readonly flag: boolean
}

export interface BtfEnum {
  readonly kind: 'enum'
  readonly name: string
  readonly size: number
  readonly signed: boolean
  /** Signed or unsigned as `signed` says. */
  readonly values: readonly { readonly name: string; readonly value: number }[]
}

export interface BtfEnum64 {
  readonly kind: 'enum64'
  readonly name: string
  readonly size: number
  readonly signed: boolean
  readonly values: readonly { readonly name: string; readonly value: bigint }[]
}

export interface BtfFwd {
  readonly kind: 'fwd'
  readonly name: string
  readonly union: boolean
}

export interface BtfFunc {
  readonly kind: 'func'
  readonly name: string
  /** Its func_proto. */
  readonly type: number
  readonly linkage: number
}

export interface BtfFuncProto {
  readonly kind: 'func_proto'
  readonly name: ''
  /** What it returns. */
  readonly type: number
  /** A last one without name and type stands for `...`. */
  readonly params: readonly { readonly name: string; readonly type: number }[]
}

export interface BtfVar {
  readonly kind: 'var'
  readonly name: string
  readonly type: number
  readonly linkage: number
}

export interface BtfDatasec {
  readonly kind: 'datasec'
  readonly name: string
  readonly size: number
  readonly vars: readonly { readonly type: number; readonly offset: number; readonly size: number }[]
}

export interface BtfFloat {
  readonly kind: 'float'
  readonly name: string
  readonly size: number
}

export interface BtfDeclTag {
  readonly kind: 'decl_tag'
  readonly name: string
  readonly type: number
  /** Which member or parameter is tagged; -1: the declaration itself. */
  readonly component: number
  readonly flag: boolean
}

export type BtfType =
  | BtfVoid
  | BtfInt
  | BtfRef
  | BtfArray
  | BtfStruct
  | BtfEnum
  | BtfEnum64
  | BtfFwd
  | BtfFunc
  | BtfFuncProto
  | BtfVar
  | BtfDatasec
  | BtfFloat
  | BtfDeclTag

export type BtfKind = BtfType['kind']

/** By BTF_KIND_*. */
export const KIND_NAMES: readonly BtfKind[] = [
  'void',
  'int',
  'ptr',
  'array',
  'struct',
  'union',
  'enum',
  'fwd',
  'typedef',
  'volatile',
  'const',
  'restrict',
  'func',
  'func_proto',
  'var',
  'datasec',
  'float',
  'decl_tag',
  'type_tag',
  'enum64',
]

export const VOID: BtfVoid = { kind: 'void', name: '' }
