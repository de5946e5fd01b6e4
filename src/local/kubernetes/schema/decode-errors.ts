import { isList } from '../json.ts';
import { StatusError } from '../status.ts';

/** Where a value stands, in the two notations of the decoder's errors. */
export interface Place {
  /** `spec.template.spec.containers[0].image`, for unknown fields. */
  readonly path: string;
  /** `spec.template.spec.containers.image`, for values of the wrong type. */
  readonly goField: string;
}

export interface Decoding {
  /** `Job`: how the object is called in errors. */
  readonly kind: string;
  readonly unknownFields: string[];
}

/** encoding/json's sentence for a value that does not fit; `owner` is the struct that holds the field. */
export const unmarshalMessage = (value: unknown, place: Place, owner: string, goType: string): string => {
  const shape = isList(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
  const what = typeof value === 'number' && !Number.isInteger(value) ? `number ${value}` : shape;
  if (place.goField === '') return `json: cannot unmarshal ${what} into Go value of type ${goType}`;
  return `json: cannot unmarshal ${what} into Go struct field ${owner.split('.')[1] ?? owner}.${place.goField} of type ${goType}`;
};

/** 400: a body is not what it should be. `fault` is the decoder's own sentence, for those who answer in other words. */
export class DecodeError extends StatusError {
  readonly fault: string;

  constructor(kind: string, fault: string) {
    super(400, 'BadRequest', `${kind} in version "v1" cannot be handled as a ${kind}: ${fault}`);
    this.fault = fault;
  }
}

export const decodeError = (decoding: Decoding, fault: string): DecodeError => new DecodeError(decoding.kind, fault);
