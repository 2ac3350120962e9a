import type { ReactNode, SVGProps } from 'react';

type Props = SVGProps<SVGSVGElement>;

function Icon({ children, ...props }: Props): ReactNode {
  return (
    <svg
      viewBox="0 0 20 20"
      width="20"
      height="20"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.6"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden
      {...props}
    >
      {children}
    </svg>
  );
}

export const BackIcon = (props: Props): ReactNode => (
  <Icon {...props}>
    <path d="M12 4 6 10l6 6" />
  </Icon>
);
export const CloseIcon = (props: Props): ReactNode => (
  <Icon {...props}>
    <path d="m5 5 10 10M15 5 5 15" />
  </Icon>
);
export const UpIcon = (props: Props): ReactNode => (
  <Icon {...props}>
    <path d="M10 16V4M5 9l5-5 5 5" />
  </Icon>
);
export const WrenchIcon = (props: Props): ReactNode => (
  <Icon {...props}>
    <path d="M12.5 3.2a4 4 0 0 0-4.7 5.3L3.4 13a1.9 1.9 0 0 0 2.7 2.7l4.4-4.5a4 4 0 0 0 5.3-4.7l-2.3 2.3-2.5-.8-.8-2.5z" />
  </Icon>
);
export const ClockIcon = (props: Props): ReactNode => (
  <Icon {...props}>
    <circle cx="10" cy="10" r="7" />
    <path d="M10 6v4.3l2.8 1.7" />
  </Icon>
);
export const SearchIcon = (props: Props): ReactNode => (
  <Icon {...props}>
    <circle cx="8.5" cy="8.5" r="5" />
    <path d="m12.3 12.3 4.2 4.2" />
  </Icon>
);
export const WaterIcon = (props: Props): ReactNode => (
  <Icon {...props}>
    <path d="M2 8c2.7 0 2.7-2 5.3-2s2.7 2 5.4 2 2.6-2 5.3-2M2 14c2.7 0 2.7-2 5.3-2s2.7 2 5.4 2 2.6-2 5.3-2" />
  </Icon>
);
export const AirIcon = (props: Props): ReactNode => (
  <Icon {...props}>
    <path d="M2.5 8h9a2.3 2.3 0 1 0-2.3-2.3M2.5 11.5h12a2.3 2.3 0 1 1-2.3 2.3M2.5 15h5" />
  </Icon>
);
export const CameraIcon = (props: Props): ReactNode => (
  <Icon {...props}>
    <path d="M2.5 6.5h10v7h-10zM12.5 9.2l5-2.2v6l-5-2.2" />
  </Icon>
);
export const BellIcon = (props: Props): ReactNode => (
  <Icon {...props}>
    <path d="M5 13.5V9a5 5 0 0 1 10 0v4.5l1.5 1.5h-13zM8.5 17.5h3" />
  </Icon>
);
export const StationIcon = (props: Props): ReactNode => (
  <Icon {...props}>
    <path d="M10 9v8M6.5 17h7M6.8 11.2a4.5 4.5 0 0 1 0-6.4M13.2 11.2a4.5 4.5 0 0 0 0-6.4M4.2 13.4a7.6 7.6 0 0 1 0-10.8M15.8 13.4a7.6 7.6 0 0 0 0-10.8" />
    <circle cx="10" cy="8" r="1.2" />
  </Icon>
);
export const TrayIcon = (props: Props): ReactNode => (
  <Icon {...props}>
    <path d="M3 11.5 5 4.5h10l2 7v4H3zM3 11.5h4l1 2h4l1-2h4" />
  </Icon>
);
export const BookIcon = (props: Props): ReactNode => (
  <Icon {...props}>
    <path d="M10 5.5C8.5 4.2 6 3.8 3 4v11.5c3-.2 5.5.2 7 1.5 1.5-1.3 4-1.7 7-1.5V4c-3-.2-5.5.2-7 1.5zM10 5.5V17" />
  </Icon>
);
export const CheckIcon = (props: Props): ReactNode => (
  <Icon {...props}>
    <path d="m4 10.5 4 4 8-9" />
  </Icon>
);
export const NotEqualIcon = (props: Props): ReactNode => (
  <Icon {...props}>
    <path d="M4 7.5h12M4 12.5h12M13 4 7 16" />
  </Icon>
);
export const PersonIcon = (props: Props): ReactNode => (
  <Icon {...props}>
    <circle cx="10" cy="7" r="3.2" />
    <path d="M3.5 17c.6-3.4 3.2-5 6.5-5s5.9 1.6 6.5 5" />
  </Icon>
);
export const MailIcon = (props: Props): ReactNode => (
  <Icon {...props}>
    <path d="M2.5 5h15v10.5h-15zM2.5 5.5 10 11l7.5-5.5" />
  </Icon>
);

/** The mark of Canh: somebody stands over the water. */
export const BrandMark = (): ReactNode => (
  <svg
    viewBox="0 0 32 32"
    width="30"
    height="30"
    fill="none"
    stroke="currentColor"
    strokeWidth="2.6"
    strokeLinecap="round"
    aria-hidden
  >
    <path d="M3 22c4 0 4-3.5 8.5-3.5S16 22 20.5 22 25 18.5 29 18.5M16 7v7" />
    <circle cx="16" cy="6" r="2.8" fill="currentColor" stroke="none" />
  </svg>
);
