import { AppError, InvalidRequestError } from '../../src/errors.ts';

/** The InvalidRequestError that `act` throws. Any other outcome fails the test. */
export const refusalOf = (act: () => unknown): InvalidRequestError => {
  try {
    act();
  } catch (error) {
    if (error instanceof InvalidRequestError) return error;
    throw error;
  }
  throw new Error('it was accepted');
};

/** Whether `act` returns or throws an AppError. */
export const endsAsAppError = (act: () => unknown): boolean => {
  try {
    act();
    return true;
  } catch (error) {
    if (error instanceof AppError) return true;
    throw error;
  }
};
