/** A place where work waits until a test lets it go on, and where a test waits until work has come there. */
export class Gate {
  readonly opened: Promise<void>;
  readonly reached: Promise<void>;
  private readonly letGo: () => void;
  private readonly arrive: () => void;

  constructor() {
    let letGo: () => void = () => undefined;
    let arrive: () => void = () => undefined;
    this.opened = new Promise((resolve) => (letGo = resolve));
    this.reached = new Promise((resolve) => (arrive = resolve));
    this.letGo = letGo;
    this.arrive = arrive;
  }

  /** Lets everybody go on, those who come later too. */
  open(): void {
    this.letGo();
  }

  /** Says that work has come here, and waits until it may go on. */
  async pass(): Promise<void> {
    this.arrive();
    await this.opened;
  }
}
