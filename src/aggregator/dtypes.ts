/** How a variable is treated: averaged, copied from the first update, or refused. */
export type Treatment = 'average' | 'carry' | 'refuse';

export interface DataType {
  readonly name: string;
  /** Bytes of one element; null if elements differ in length. */
  readonly bytes: number | null;
  readonly treatment: Treatment;
}

/** The numbers are TensorFlow's `DataType` enum (tensorflow/core/framework/types.proto). */
export const DT = { float32: 1, float64: 2, string: 7, bfloat16: 14, float16: 19, variant: 21 } as const;

const TYPES: Readonly<Record<number, DataType>> = {
  [DT.float32]: average('float32', 4),
  [DT.float64]: average('float64', 8),
  3: carry('int32', 4),
  4: carry('uint8', 1),
  5: carry('int16', 2),
  6: carry('int8', 1),
  [DT.string]: carry('string', null),
  8: refuse('complex64', 8),
  9: carry('int64', 8),
  10: carry('bool', 1),
  11: refuse('qint8', 1),
  12: refuse('quint8', 1),
  13: refuse('qint32', 4),
  [DT.bfloat16]: average('bfloat16', 2),
  15: refuse('qint16', 2),
  16: refuse('quint16', 2),
  17: carry('uint16', 2),
  18: refuse('complex128', 16),
  [DT.float16]: average('float16', 2),
  20: refuse('resource', null),
  [DT.variant]: carry('variant', null),
  22: carry('uint32', 4),
  23: carry('uint64', 8),
  24: refuse('float8_e5m2', 1),
  25: refuse('float8_e4m3fn', 1),
  29: carry('int4', 1),
  30: carry('uint4', 1),
};

/** Returns the data type with TensorFlow's number `dtype`. An unknown one is refused. */
export function dataType(dtype: number): DataType {
  return TYPES[dtype] ?? refuse(`data type ${dtype}`, null);
}

function refuse(name: string, bytes: number | null): DataType {
  return { name, bytes, treatment: 'refuse' };
}

function average(name: string, bytes: number): DataType {
  return { name, bytes, treatment: 'average' };
}

function carry(name: string, bytes: number | null): DataType {
  return { name, bytes, treatment: 'carry' };
}
