import { useEffect, useState, type RefObject } from 'react';

/** A hand that has not stirred for so long has left, even if the pointer lies where it was: a list must not stand still all night. */
const leftAfterMs = 30_000;

/** Whether pointer or focus is in the element and was used lately. */
export function useHand(place: RefObject<HTMLElement | null>): boolean {
  const [there, setThere] = useState(false);
  useEffect(() => {
    const element = place.current;
    if (element === null) return undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const left = (): void => {
      clearTimeout(timer);
      setThere(false);
    };
    const stirred = (): void => {
      clearTimeout(timer);
      timer = setTimeout(() => setThere(false), leftAfterMs);
      setThere(true);
    };
    const pointerLeft = (): void => {
      if (!element.contains(document.activeElement)) left();
    };
    const focusLeft = (event: FocusEvent): void => {
      const to = event.relatedTarget;
      if (!(to instanceof Node && element.contains(to)) && !element.matches(':hover')) left();
    };
    const stirs = ['pointermove', 'pointerdown', 'wheel', 'keydown', 'focusin'] as const;
    for (const name of stirs) element.addEventListener(name, stirred, { passive: true });
    element.addEventListener('pointerleave', pointerLeft);
    element.addEventListener('focusout', focusLeft);
    return () => {
      clearTimeout(timer);
      for (const name of stirs) element.removeEventListener(name, stirred);
      element.removeEventListener('pointerleave', pointerLeft);
      element.removeEventListener('focusout', focusLeft);
    };
  }, [place]);
  return there;
}
