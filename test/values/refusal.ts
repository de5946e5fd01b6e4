import { AppError, InvalidRequestError } from '../../src/errors.ts';

/** The refusal that `act` ends with; anything but an InvalidRequestError fails the test. */
export const refusalOf = (act: () => unknown): InvalidRequestError => {
  try {
    act();
  } catch (error) {
    if (error instanceof InvalidRequestError) return error;
    throw error;
  }
  throw new Error('it was accepted');
};

/** Whether `act` ends well or with an error that a caller may be told of. */
export const endsAsAppError = (act: () => unknown): boolean => {
  try {
    act();
    return true;
  } catch (error) {
    if (error instanceof AppError) return true;
    throw error;
  }
};
